/* The door over HTTP, from a request to what answers it. It shares places, deadlines and handshakes
 * with the doors that speak DNS (tcp_connection.h), and asks by the same way (dns_door_inside.h):
 * the same policy, the same counters. */
#ifndef RESOLVER_HTTP_DOOR_H
#define RESOLVER_HTTP_DOOR_H

#include "resolver/http_session.h"
#include "resolver/tcp_connection.h"

/* One request, on its way to its route. Borrowed for the call, but for the exchange. */
struct http_visit {
	struct tcp_connection *connection;
	struct http_exchange *exchange;
	const struct http_request *request;
};

/* http_route.c: hands it to the route of its path, or refuses it. */
void http_route(const struct http_visit *v);

/* http_host.c: is the authority one by which no page of a stranger's can have come here? An address
 * cannot be made to point elsewhere, a name can (DNS rebinding): localhost, and the names that the
 * administrator or the certificate gives. No authority at all is HTTP/1.0, which no browser speaks.
 */
bool http_host_good(const struct dns_door *door, struct http_piece authority);
/* Has a page of another site made a browser ask? It cannot read what we say, but it can measure how
 * long that takes, and so learn which names were asked for before. */
bool http_is_of_a_strangers_page(const struct http_request *r);
/* The host of "HOST:PORT" without brackets; false: it is none. */
bool http_host_of(struct http_piece authority, struct http_piece *ret_host);

/* ---- http_ask.c: questions ---- */

/* What a route wants to know again when its answer comes. */
struct http_note {
	unsigned form;
	char match[96]; /* If-None-Match, cut */
};

/* What was said: the reply that the DNS door would send, and where it comes from. */
struct http_said {
	const struct dns_query *query;
	const struct answer *answer; /* NULL: none was asked for, or there was no room to */
	const uint8_t *reply;
	size_t len;
	const struct http_note *note;
};
typedef void http_said_fn(struct http_exchange *x, const struct http_said *said);

/* Asks what this DNS message asks; fn replies, now or within the deadline. False: it is no query,
 * and nobody replies. */
bool http_ask(const struct http_visit *v, const uint8_t *message, size_t len,
	const struct http_note *note, http_said_fn *fn);
/* A query for a question that was written otherwise; its length. */
#define HTTP_QUERY_MAX 512
#define HTTP_QUERY_DO 1u
#define HTTP_QUERY_CD 2u
size_t http_query(const struct question *q, unsigned flags, uint8_t buf[HTTP_QUERY_MAX]);

/* ---- the routes; `rest` is what follows in the path ---- */

typedef void http_route_fn(const struct http_visit *v, struct http_piece rest);
/* http_dns.c */
http_route_fn http_dns_query, http_dns_resolve;
/* http_file.c */
http_route_fn http_file, http_proxy_2009, http_short_2009;
/* A path of the mount, CLASS/TYPE/NAME, percent-encoded; false: the mount has no such file. */
bool http_file_question(struct http_piece rest, struct question *ret_question);
/* http_explain.c */
http_route_fn http_explain;
/* http_metrics.c */
http_route_fn http_health, http_metrics, http_nodes, http_status;
/* http_page.c */
http_route_fn http_page, http_page_script, http_page_style;
/* http_relay.c */
http_route_fn http_relay; /* OPTIONS too */

#endif
