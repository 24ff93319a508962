/* libcurl's multi interface on the loop. */
#include "resolver/http_curl.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/clock.h"
#include "resolver/tls_client.h"

#define CONNECT_MS 3000
#define ANSWER_MS 5000	  /* libunbound asks again by itself long before */
#define UNACKED_MS 4000	  /* then the kernel says that the way is gone */
#define IDLE_SECONDS 20	  /* servers keep a connection for 10 to 30 s */
#define CONNECTIONS_MAX 8 /* HTTP/1.1 answers one request at a time */
#define HEADERS_MAX 16384
#define SPARE_MAX 128	/* handles that wait for the next request: 10 kB each */
#define BODY_FIRST 1024 /* most answers are smaller */
/* Server, path, and a name all in escapes, of which each is escaped again. */
#define URL_MAX (5 * NAME_TEXT_MAX)

struct curl_ask {
	LIST_ENTRY(curl_ask) link;
	struct http_curl *client;
	CURL *easy;
	http_reply_fn *fn;
	void *ctx;
	uint8_t *body;
	size_t len, cap, headers, most;
	uint64_t since; /* monotonic, microseconds: when it was asked */
	bool posts, puts, too_large;
	const char *type; /* of the headers that `easy` has now */
	struct curl_slist *list;
	char error[CURL_ERROR_SIZE];
};

struct http_curl {
	struct event_base *base;
	struct event timer;
	CURLM *multi;
	struct tls_client *trust;	 /* NULL: in plain */
	bool anew;			 /* the next request is to have a connection of its own */
	uint64_t heard;			 /* when the last reply was complete */
	char server[NAME_TEXT_MAX + 32]; /* of URLs: "https://HOST:PORT" */
	struct curl_slist *to;		 /* and where that is */
	LIST_HEAD(, curl_ask) live, spare;
	unsigned spare_len;
};

/* ---- the end of a request ---- */

static void request_destroy(struct curl_ask *q)
{
	LIST_REMOVE(q, link);
	if (q->easy)
		curl_easy_cleanup(q->easy);
	curl_slist_free_all(q->list);
	free(q->body);
	free(q);
}

/* Off libcurl's list, and onto ours. */
static void request_end(struct curl_ask *q)
{
	struct http_curl *c = q->client;

	curl_multi_remove_handle(c->multi, q->easy);
	if (c->spare_len == SPARE_MAX || q->cap > BODY_FIRST) {
		request_destroy(q);
		return;
	}
	LIST_REMOVE(q, link);
	LIST_INSERT_HEAD(&c->spare, q, link);
	c->spare_len++;
}

static enum http_outcome outcome_of(const struct curl_ask *q, CURLcode code)
{
	switch (code) {
	case CURLE_OK:
		return HTTP_REPLIED;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return HTTP_LOST;
	case CURLE_OPERATION_TIMEDOUT: {
		curl_off_t connected = 0;
		curl_easy_getinfo(q->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
		if (q->client->heard > q->since)
			return HTTP_SLOW;
		return connected ? HTTP_SILENT : HTTP_UNREACHABLE;
	}
	case CURLE_WRITE_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_FILESIZE_EXCEEDED:
		return HTTP_UNFIT;
	default:
		return HTTP_UNREACHABLE;
	}
}

/* libcurl says "SSL certificate problem: self-signed certificate" and the like. */
static const char *without_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
}

static void say_why(const struct curl_ask *q, CURLcode code, char ret_why[HTTP_CLIENT_WHY_MAX])
{
	const char *text = q->error[0] ? q->error : curl_easy_strerror(code);
	long number = 0;

	curl_easy_getinfo(q->easy, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_OPERATION_TIMEDOUT)
		text = "timeout";
	else if (q->too_large)
		text = "the reply is too large";
	else if (code == CURLE_COULDNT_CONNECT && number == ECONNREFUSED)
		text = "refused";
	else if (code == CURLE_COULDNT_CONNECT && number)
		text = strerror((int)number);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		snprintf(ret_why, HTTP_CLIENT_WHY_MAX, "certificate: %.100s",
			without_prefix(without_prefix(text, "SSL certificate problem: "), "SSL: "));
	else
		snprintf(ret_why, HTTP_CLIENT_WHY_MAX, "%.120s", text);
	for (char *p = ret_why; *p; p++) /* a stranger's words may be in it */
		*p = *p >= ' ' && *p < 0x7f ? *p : '?';
}

static void request_done(struct curl_ask *q, CURLcode code)
{
	struct http_reply reply = {.outcome = outcome_of(q, code), .body = q->body, .len = q->len};
	long connections = 0;
	char *type = NULL;

	curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	curl_easy_getinfo(q->easy, CURLINFO_NUM_CONNECTS, &connections);
	curl_easy_getinfo(q->easy, CURLINFO_CONTENT_TYPE, &type);
	reply.connections = (unsigned)connections;
	reply.type = type ? type : "";
	if (code)
		say_why(q, code, reply.why);
	else
		q->client->heard = clock_monotonic();
	/* A connection over which nothing comes is not to be tried again. */
	if (reply.outcome == HTTP_SILENT)
		q->client->anew = true;
	q->fn(q->ctx, &reply);
	request_end(q);
}

/* Callbacks may ask, and cancel others; what is cancelled has no message here any more. */
static void take_messages(struct http_curl *c)
{
	struct CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left))) {
		struct curl_ask *q = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &q);
		request_done(q, m->data.result);
	}
}

/* ---- libcurl and the loop ---- */

static void on_socket(evutil_socket_t fd, short what, void *ctx)
{
	struct http_curl *c = ctx;
	int running, bits = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			    (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(c->multi, fd, bits, &running);
	take_messages(c);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct http_curl *c = ctx;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	take_messages(c);
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
	struct http_curl *c = ctx;
	struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		event_del(&c->timer);
	else
		event_add(&c->timer, &after);
	return 0;
}

/* Without memory for the event the transfer runs into its timeout. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *of_socket)
{
	struct http_curl *c = ctx;
	struct event *event = of_socket;
	short bits = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
			     (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST);

	(void)easy;
	if (event)
		event_free(event);
	event = what == CURL_POLL_REMOVE ? NULL : event_new(c->base, fd, bits, on_socket, c);
	if (event)
		event_add(event, NULL);
	curl_multi_assign(c->multi, fd, event);
	return 0;
}

/* ---- a request ---- */

static size_t on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct curl_ask *q = ctx;
	size_t cap = q->cap;

	(void)one;
	q->too_large = q->len + len > q->most;
	if (q->too_large)
		return 0;
	while (cap < q->len + len)
		cap *= 2;
	uint8_t *body = cap > q->cap ? realloc(q->body, cap) : q->body;
	if (!body)
		return 0;
	q->body = body;
	q->cap = cap;
	memcpy(q->body + q->len, bytes, len);
	q->len += len;
	return len;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *ctx)
{
	struct curl_ask *q = ctx;

	(void)bytes;
	(void)one;
	q->headers += len;
	q->too_large = q->headers > HEADERS_MAX;
	return q->too_large ? 0 : len;
}

static int on_socket_made(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	unsigned unacked = UNACKED_MS;

	(void)ctx;
	(void)purpose;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked, sizeof(unacked));
	return CURL_SOCKOPT_OK;
}

static CURLcode on_tls(CURL *easy, void *ssl_ctx, void *ctx)
{
	struct http_curl *c = ctx;

	(void)easy;
	return tls_client_trust(c->trust, ssl_ctx) ? CURLE_OUT_OF_MEMORY : CURLE_OK;
}

static void set_up_tls(struct http_curl *c, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* The authorities are those of tls_client.h, read once and not for each connection. */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, c);
}

static void set_up(struct http_curl *c, struct curl_ask *q)
{
	CURL *easy = q->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, q);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, q->error);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, c->trust ? "https" : "http");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* a name may be `.` */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, c->to);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, q);
	if (c->trust)
		set_up_tls(c, easy);
}

static struct curl_ask *request_create(struct http_curl *c)
{
	struct curl_ask *q = LIST_FIRST(&c->spare);

	if (q) {
		LIST_REMOVE(q, link);
		c->spare_len--;
	} else {
		q = calloc(1, sizeof(*q));
		if (!q)
			return NULL;
		q->client = c;
		q->easy = curl_easy_init();
		q->cap = BODY_FIRST;
		q->body = malloc(q->cap);
		if (q->easy)
			set_up(c, q);
	}
	LIST_INSERT_HEAD(&c->live, q, link);
	if (!q->easy || !q->body) {
		request_destroy(q);
		return NULL;
	}
	q->len = q->headers = 0;
	q->too_large = false;
	q->error[0] = '\0';
	return q;
}

/* A handle asks for the same kind of thing each time, so its headers are made once. */
static int set_headers(struct curl_ask *q, const char *type, bool posts)
{
	char accept[128], content[128];

	if (q->list && q->type == type && q->posts == posts)
		return 0;
	curl_slist_free_all(q->list);
	snprintf(accept, sizeof(accept), "Accept: %s", type);
	snprintf(content, sizeof(content), "Content-Type: %s", type);
	q->list = curl_slist_append(NULL, accept);
	if (posts && q->list && !curl_slist_append(q->list, content)) {
		curl_slist_free_all(q->list);
		q->list = NULL;
	}
	q->type = type;
	q->posts = posts;
	curl_easy_setopt(q->easy, CURLOPT_HTTPHEADER, q->list);
	return q->list ? 0 : -ENOMEM;
}

int http_curl_ask(struct http_curl *c, const struct http_ask *ask, struct curl_ask **ret_ask)
{
	struct curl_ask *q = request_create(c);
	char url[URL_MAX];

	if (!q)
		return -ENOMEM;
	q->fn = ask->fn;
	q->ctx = ask->ctx;
	q->since = clock_monotonic();
	q->most = ask->most ? ask->most : HTTP_CLIENT_BODY_MAX;
	/* What is cut would ask for another name. */
	if (snprintf(url, sizeof(url), "%s%s", c->server, ask->path) >= (int)sizeof(url)) {
		request_destroy(q);
		return -ENAMETOOLONG;
	}
	if (q->puts != ask->puts)
		curl_easy_setopt(q->easy, CURLOPT_CUSTOMREQUEST, ask->puts ? "PUT" : NULL);
	q->puts = ask->puts;
	curl_easy_setopt(q->easy, CURLOPT_FRESH_CONNECT, c->anew ? 1L : 0L);
	c->anew = false;
	if (ask->body) {
		curl_easy_setopt(q->easy, CURLOPT_POSTFIELDSIZE, (long)ask->len);
		curl_easy_setopt(q->easy, CURLOPT_POSTFIELDS, ask->body);
	} else {
		curl_easy_setopt(q->easy, CURLOPT_HTTPGET, 1L);
	}
	if (set_headers(q, ask->type, ask->body) || curl_easy_setopt(q->easy, CURLOPT_URL, url) ||
		curl_multi_add_handle(c->multi, q->easy)) {
		request_destroy(q);
		return -ENOMEM;
	}
	*ret_ask = q;
	return 0;
}

void http_curl_cancel(struct curl_ask *q)
{
	request_end(q);
}

/* ---- the client ---- */

/* The authority of URLs is what the certificate and `Host:` are to say; the address is where that
 * is. */
static int name_server(struct http_curl *c, const struct http_curl_config *config)
{
	const struct sockaddr *address = (const struct sockaddr *)&config->server->addr;
	bool six = address->sa_family == AF_INET6;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	char host[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN + 16];

	if (!inet_ntop(address->sa_family,
		    six ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host,
		    sizeof(host)))
		return -EINVAL;
	snprintf(c->server, sizeof(c->server), "%s://%s", c->trust ? "https" : "http",
		config->authority);
	snprintf(to, sizeof(to), six ? "::[%s]:%u" : "::%s:%u", host,
		ntohs(six ? in6->sin6_port : in->sin_port));
	c->to = curl_slist_append(NULL, to);
	return c->to ? 0 : -ENOMEM;
}

static int set_up_multi(struct http_curl *c)
{
	/* Once a process, and before there are threads: nobody else here uses libcurl. */
	static bool begun;

	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT))
		return -EIO;
	begun = true;
	c->multi = curl_multi_init();
	if (!c->multi)
		return -ENOMEM;
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)CONNECTIONS_MAX);
	return 0;
}

int http_curl_create(const struct http_curl_config *config, struct http_curl **ret_curl)
{
	struct http_curl *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->base = config->base;
	c->trust = config->trust;
	LIST_INIT(&c->live);
	LIST_INIT(&c->spare);
	event_assign(&c->timer, c->base, -1, 0, on_timer, c);
	int r = set_up_multi(c);
	if (r == 0)
		r = name_server(c, config);
	if (r) {
		http_curl_destroy(c);
		return r;
	}
	*ret_curl = c;
	return 0;
}

void http_curl_destroy(struct http_curl *c)
{
	if (!c)
		return;
	while (!LIST_EMPTY(&c->live))
		request_end(LIST_FIRST(&c->live));
	while (!LIST_EMPTY(&c->spare))
		request_destroy(LIST_FIRST(&c->spare));
	if (c->multi)
		curl_multi_cleanup(c->multi);
	event_del(&c->timer);
	curl_slist_free_all(c->to);
	free(c);
}
