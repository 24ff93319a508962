/* Which route answers a path. */
#include <string.h>

#include "resolver/http_door.h"

#define GET (1u << HTTP_GET | 1u << HTTP_HEAD)
#define POST (1u << HTTP_POST)
#define RELAY (GET | 1u << HTTP_PUT | 1u << HTTP_OPTIONS)

enum {
	MORE = 1,  /* there is more of the path */
	STATE = 2, /* what this node does and has done: for whom `allow_status` names */
	OPEN = 4,  /* a page of another site may lead here */
};

static const struct route {
	const char *path;
	unsigned kind, methods;
	const char *allow;
	http_route_fn *fn;
} routes[] = {
	{"/dns-query", 0, GET | POST, "GET, HEAD, POST", http_dns_query},
	{"/resolve", 0, GET, "GET, HEAD", http_dns_resolve},
	{"/dns/", MORE, GET, "GET, HEAD", http_file},
	{"/PROXY/", MORE, GET, "GET, HEAD", http_proxy_2009},
	{"/SHORT/", MORE, GET, "GET, HEAD", http_short_2009},
	{"/explain/", MORE | STATE, GET, "GET, HEAD", http_explain},
	{"/metrics", STATE, GET, "GET, HEAD", http_metrics},
	{"/healthz", 0, GET, "GET, HEAD", http_health},
	{"/status", STATE, GET, "GET, HEAD", http_status},
	{"/nodes", STATE, GET, "GET, HEAD", http_nodes},
	{"/pkarr/", MORE | OPEN, RELAY, "GET, HEAD, PUT, OPTIONS", http_relay},
	{"/page.css", 0, GET, "GET, HEAD", http_page_style},
	{"/page.js", 0, GET, "GET, HEAD", http_page_script},
	{"/", OPEN, GET, "GET, HEAD", http_page},
	{"/", MORE | OPEN, RELAY, "GET, HEAD, PUT, OPTIONS",
		http_relay}, /* a key: no other is as long */
};

static bool leads_to(const struct route *route, struct http_piece path, struct http_piece *ret_rest)
{
	size_t n = strlen(route->path);
	if (path.len < n || memcmp(path.at, route->path, n) != 0 ||
		(path.len > n && !(route->kind & MORE)))
		return false;
	*ret_rest = (struct http_piece){path.at + n, path.len - n};
	return n > 1 || !(route->kind & MORE) || ret_rest->len == NAME_KEY_TEXT;
}

static void say_allowed(struct http_exchange *x, unsigned status, const char *allow)
{
	struct http_reply r = {.status = status, .max_age = HTTP_NO_AGE};
	http_reply_add(&r, "allow", allow);
	http_reply(x, &r);
}

/* NULL: it may. */
static const char *why_not(const struct http_visit *v, const struct route *route)
{
	const struct tcp_connection *c = v->connection;
	if (!(route->kind & OPEN) && http_is_of_a_strangers_page(v->request))
		return "not for a page of another site";
	if (route->kind & STATE &&
		!allow_permits(c->door->status_to, (const struct sockaddr *)&c->peer))
		return "this is said on this machine only: see allow_status in kadns.conf(5)";
	return NULL;
}

void http_route(const struct http_visit *v)
{
	const struct http_request *r = v->request;
	struct http_piece rest;
	if (!http_host_good(v->connection->door, r->field[HTTP_HOST])) {
		http_refuse(v->exchange, 421,
			"this server has no such name: see http_host in kadns.conf(5)");
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!leads_to(&routes[i], r->path, &rest))
			continue;
		const char *why = why_not(v, &routes[i]);
		if (why)
			http_refuse(v->exchange, 403, why);
		else if (routes[i].methods & 1u << r->method)
			routes[i].fn(v, rest);
		else
			say_allowed(v->exchange, r->method == HTTP_OPTIONS ? 204 : 405,
				routes[i].allow);
		return;
	}
	http_refuse(v->exchange, 404, "there is nothing here");
}
