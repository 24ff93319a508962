/* The command line of kadns ask, publish, withdraw and key, and the way to a running kadns. */
#include "fs/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PORT_DEFAULT 4001
#define PATIENCE_SECONDS 60 /* a kadns has a deadline of its own, of a few seconds */
#define TYPES_MAX 64

struct command {
	enum local_kind kind;
	enum client_form form;
	const char *via;     /* NULL: a running kadns */
	const char *require; /* NULL: whatever it is */
	unsigned port;
	struct name name;
	uint16_t types[TYPES_MAX];
	size_t types_len;
	char **data;
	size_t data_len;
	int fd; /* to the running kadns; -1 */
};

static const char usage[] =
	"usage: kadns ask [--via WORD | @SERVER[:PORT] | --tls ADDR#NAME] [--port PORT]\n"
	"                 [--short | --dns | --explain] [--require TRUST[,TRUST]] NAME [TYPE]...\n"
	"       kadns publish [--port PORT] NAME TYPE [DATA]...   (without DATA: from standard "
	"input)\n"
	"       kadns withdraw [--port PORT] NAME TYPE\n"
	"       kadns key    (the public key of the secret on standard input)\n"
	"NAME may be pk:KEY. WORD is as in upstream=: ADDR[:PORT], tls://ADDR#NAME, "
	"https://ADDR/PATH[#NAME], "
	"http://ADDR/PROXY.\n"
	"Exit status: 0 done, 1 a mistake or a refusal, 2 there is nothing, 3 no answer, 4 "
	"failure, 5 forged,\n"
	"6 not as trustworthy as --require says.\n";

bool client_is(int argc, char **argv)
{
	return argc > 1 && (strcmp(argv[1], "ask") == 0 || strcmp(argv[1], "publish") == 0 ||
				   strcmp(argv[1], "withdraw") == 0 || strcmp(argv[1], "key") == 0);
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "kadns: %s%s%s\n", what, *what ? ": " : "", why);
	return CLIENT_USAGE;
}

/* ---- words ---- */

/* The value of --NAME VALUE or --NAME=VALUE; NULL: it is another option, or there is none. */
static const char *value_of(char **argv, int *i, const char *name)
{
	size_t len = strlen(name);
	if (strncmp(argv[*i], name, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	return argv[*i][len] == '\0' && argv[*i + 1] ? argv[++*i] : NULL;
}

static bool take_port(struct command *c, const char *value)
{
	char *end;
	unsigned long port = strtoul(value, &end, 10);
	c->port = (unsigned)port;
	return *value >= '0' && *value <= '9' && !*end && port > 0 && port < 65536;
}

static bool is_trust(const char *word, size_t len)
{
	for (enum answer_trust t = TRUST_SELF; t <= TRUST_OPEN; t++)
		if (strlen(answer_trust_text(t)) == len &&
			memcmp(answer_trust_text(t), word, len) == 0)
			return true;
	return false;
}

static bool take_require(struct command *c, const char *value)
{
	c->require = value;
	for (;; value++) {
		size_t len = strcspn(value, ",");
		if (!is_trust(value, len))
			return false;
		value += len;
		if (!*value)
			return true;
	}
}

/* --tls ADDR#NAME is --via tls://ADDR#NAME. Never freed: it lives as long as the program. */
static const char *tls_word(const char *value)
{
	char *word;
	return asprintf(&word, "tls://%s", value) < 0 ? NULL : word;
}

static int take_ask_option(struct command *c, char **argv, int *i)
{
	const char *value;
	if (strcmp(argv[*i], "--short") == 0)
		c->form = CLIENT_SHORT;
	else if (strcmp(argv[*i], "--dns") == 0)
		c->form = CLIENT_DNS;
	else if (strcmp(argv[*i], "--explain") == 0)
		c->form = CLIENT_EXPLAIN;
	else if ((value = value_of(argv, i, "--via")))
		c->via = *value == '@' ? value + 1 : value;
	else if ((value = value_of(argv, i, "--tls")))
		c->via = tls_word(value);
	else if ((value = value_of(argv, i, "--require")))
		return take_require(c, value) ? 0 : complain(value, "no such trust");
	else
		return complain(
			argv[*i], "no such option, or it needs a value; see kadns ask --help");
	return 0;
}

static int take_option(struct command *c, char **argv, int *i)
{
	const char *value = value_of(argv, i, "--port");
	if (value)
		return take_port(c, value) ? 0 : complain(value, "no port");
	if (c->kind == LOCAL_ASK)
		return take_ask_option(c, argv, i);
	return complain(argv[*i], "no such option, or it needs a value; see kadns ask --help");
}

/* Type in any case; false: it is none. */
static bool take_type(struct command *c, const char *text)
{
	char upper[TYPE_TEXT_MAX] = "";
	for (size_t i = 0; text[i] && i + 1 < sizeof(upper); i++)
		upper[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
	return c->types_len < TYPES_MAX &&
	       type_from_text(upper, strlen(text), &c->types[c->types_len]) &&
	       !type_is_meta(c->types[c->types_len++]);
}

/* `pk:KEY`, as pkarr writes a key where it is an address, is that key's name. */
static int take_name(struct command *c, const char *word)
{
	uint8_t key[NAME_KEY_LEN];
	bool is_address = strncmp(word, "pk:", 3) == 0;
	word += is_address ? 3 : 0;
	int r = name_from_text(word, strlen(word), &c->name);
	return r < 0 || (is_address && !name_key(&c->name, key)) ? -EINVAL : 0;
}

static int take_words(struct command *c, char **words)
{
	size_t len = 0;
	while (words[len])
		len++;
	if (len == 0)
		return complain("", "a name is missing; see kadns ask --help");
	if (take_name(c, words[0]) < 0)
		return complain(words[0], "no name");
	size_t types = c->kind == LOCAL_ASK ? len - 1 : len > 1;
	for (size_t i = 1; i <= types; i++)
		if (strlen(words[i]) >= TYPE_TEXT_MAX || !take_type(c, words[i]))
			return complain(words[i], "no type of a record");
	if (c->kind != LOCAL_ASK && types == 0)
		return complain("", "a type is missing; see kadns ask --help");
	if (c->kind == LOCAL_WITHDRAW && len > 2)
		return complain(words[2], "one word too many");
	if (c->types_len == 0)
		c->types[c->types_len++] = TYPE_A;
	c->data = words + 1 + types;
	c->data_len = len - 1 - types;
	return 0;
}

/* Options stand before the name, for DATA may begin with '-'. */
static int read_command(struct command *c, char **argv)
{
	int i = 1;
	for (; argv[i] && (argv[i][0] == '-' || (c->kind == LOCAL_ASK && argv[i][0] == '@')); i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (argv[i][0] == '@') {
			if (argv[i][1] == '\0') /* the root, as a file has it */
				break;
			c->via = argv[i] + 1;
			continue;
		}
		int r = take_option(c, argv, &i);
		if (r)
			return r;
	}
	if (c->via && c->form == CLIENT_EXPLAIN)
		return complain("", "--explain is what a running kadns can say: without --via");
	static char root[] = ".";
	if (argv[i] && strcmp(argv[i], "@") == 0)
		argv[i] = root;
	return take_words(c, argv + i);
}

/* ---- a running kadns ---- */

static int connect_at(const char path[LOCAL_PATH_MAX])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = PATIENCE_SECONDS};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	memcpy(at.sun_path, path, LOCAL_PATH_MAX);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* One's own first, then that of the machine. */
_Static_assert(LOCAL_PATH_MAX == sizeof(((struct sockaddr_un *)NULL)->sun_path), "a path of ours fits");

static int find_daemon(struct command *c)
{
	char path[LOCAL_PATH_MAX] = "";
	for (int of_root = 0; of_root < 2 && c->fd < 0; of_root++)
		if (local_path(of_root, c->port, path) == 0)
			c->fd = connect_at(path);
	return c->fd < 0 ? complain(path, "no kadns answers there (another --port, or --via)") : 0;
}

static int receive(int fd, uint8_t *to, size_t len)
{
	ssize_t n = recv(fd, to, len, MSG_WAITALL);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (size_t)n == len ? 0 : -ECONNRESET;
}

/* *ret_frame is the caller's to free; the reply points into it. */
static int exchange(const struct command *c, const struct local_request *request,
	uint8_t **ret_frame, struct local_reply *ret_reply)
{
	uint8_t *bytes, head[LOCAL_LENGTH] = {0};
	size_t len;
	int r = local_request_write(request, &bytes, &len);
	if (r < 0)
		return r;
	ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
	free(bytes);
	r = n < 0 ? -errno : (size_t)n != len ? -ETIMEDOUT : receive(c->fd, head, sizeof(head));
	if (r < 0)
		return r;
	len = local_length(head);
	if (len > LOCAL_REPLY_MAX)
		return -EBADMSG;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	r = receive(c->fd, bytes, len);
	if (r == 0)
		r = local_reply_read(bytes, len, ret_reply);
	*ret_frame = bytes;
	return r;
}

/* ---- outcomes ---- */

static int status_of(int error)
{
	switch (-error) {
	case 0:
		return CLIENT_OK;
	case ENOENT:
		return CLIENT_NOTHING;
	case ETIMEDOUT:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ECONNREFUSED:
		return CLIENT_NO_ANSWER;
	case EREMOTEIO:
		return CLIENT_FAILED;
	case EBADMSG:
		return CLIENT_BOGUS;
	default:
		return CLIENT_USAGE;
	}
}

static bool is_required(const struct command *c, enum answer_trust trust)
{
	const char *word = c->require;
	const char *text = answer_trust_text(trust);
	while (word && *word) {
		size_t len = strcspn(word, ",");
		if (strlen(text) == len && memcmp(word, text, len) == 0)
			return true;
		word += len + (word[len] == ',');
	}
	return !word;
}

static int complain_of(const struct command *c, uint16_t type, const struct local_reply *reply)
{
	char name[NAME_TEXT_MAX], text[TYPE_TEXT_MAX];
	bool says = c->kind != LOCAL_ASK && reply->len;
	name_to_absolute(&c->name, name);
	fprintf(stderr, "kadns: %s %s: %s%s%.*s\n", name, type_to_text(type, text),
		strerror(-reply->error), says ? ": " : "", says ? (int)reply->len : 0,
		reply->len ? reply->text : "");
	return status_of(reply->error);
}

static int finish_ask(const struct command *c, uint16_t type, const struct local_reply *reply)
{
	client_print(c->form, reply);
	if (reply->error)
		return complain_of(c, type, reply);
	if (c->form == CLIENT_EXPLAIN || is_required(c, reply->trust))
		return CLIENT_OK;
	fprintf(stderr, "kadns: the answer is of trust \"%s\", and %s is required\n",
		answer_trust_text(reply->trust), c->require);
	return CLIENT_UNTRUSTED;
}

/* ---- commands ---- */

static int ask_one(const struct command *c, uint16_t type)
{
	struct local_request request = {
		.kind = c->form == CLIENT_EXPLAIN ? LOCAL_EXPLAIN : LOCAL_ASK,
		.question = {.name = c->name, .type = type, .class = CLASS_IN}};
	struct local_reply reply = {0};
	uint8_t *frame = NULL;
	int r = c->via ? client_via(c->via, &request.question, &reply)
		       : exchange(c, &request, &frame, &reply);
	int status = status_of(r);
	if (r == 0)
		status = finish_ask(c, type, &reply);
	else if (!c->via)
		complain("the running kadns", strerror(-r));
	if (c->via) {
		free((char *)reply.text);
		free((uint8_t *)reply.message);
	}
	free(frame);
	return status;
}

/* The worst of them: each type has its line. */
static int ask_all(const struct command *c)
{
	int worst = CLIENT_OK;
	for (size_t i = 0; i < c->types_len; i++) {
		int status = ask_one(c, c->types[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

/* The words, a line each, or what comes on standard input; -EFBIG over JSON_INPUT_MAX. */
static int gather(const struct command *c, char *text, size_t *ret_len)
{
	size_t len = 0;
	for (size_t i = 0; i < c->data_len; i++) {
		size_t n = strlen(c->data[i]);
		if (n >= JSON_INPUT_MAX - len)
			return -EFBIG;
		memcpy(text + len, c->data[i], n);
		len += n;
		text[len++] = '\n';
	}
	if (c->data_len == 0)
		len = fread(text, 1, JSON_INPUT_MAX + 1, stdin);
	*ret_len = len;
	return len > JSON_INPUT_MAX ? -EFBIG : 0;
}

static int change(const struct command *c)
{
	static char text[JSON_INPUT_MAX + 1];
	struct local_request request = {.kind = c->kind,
		.question = {.name = c->name, .type = c->types[0], .class = CLASS_IN},
		.text = text};
	struct local_reply reply = {0};
	uint8_t *frame = NULL;
	int r = c->kind == LOCAL_PUBLISH ? gather(c, text, &request.len) : 0;
	if (r == 0)
		r = exchange(c, &request, &frame, &reply);
	int status = CLIENT_OK;
	if (r < 0)
		status = complain("", strerror(-r));
	else if (reply.error)
		status = complain_of(c, c->types[0], &reply);
	free(frame);
	return status;
}

int client_run(int argc, char **argv)
{
	static struct command c = {.kind = LOCAL_ASK, .port = PORT_DEFAULT, .fd = -1};
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return CLIENT_OK;
	}
	if (strcmp(argv[0], "key") == 0)
		return client_key(argc, argv);
	if (strcmp(argv[0], "publish") == 0)
		c.kind = LOCAL_PUBLISH;
	else if (strcmp(argv[0], "withdraw") == 0)
		c.kind = LOCAL_WITHDRAW;
	int r = read_command(&c, argv);
	if (r == 0 && !c.via)
		r = find_daemon(&c);
	if (r)
		return r;
	r = c.kind == LOCAL_ASK ? ask_all(&c) : change(&c);
	if (c.fd >= 0)
		close(c.fd);
	if (fflush(stdout) != 0)
		return complain("standard output", strerror(errno));
	return r;
}
