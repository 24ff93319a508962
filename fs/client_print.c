/* What `kadns ask` prints. */
#include "fs/client.h"

#include <stdio.h>
#include <stdlib.h>

#include "resolver/packet.h"

/* The data of a record; "" without memory. */
static void print_data(const struct rr *rr)
{
	char *text = NULL;
	if (json_rdata_text(rr->type, rr->class, rr->rdata, rr->rdata_len, &text) == 0)
		fputs(text, stdout);
	free(text);
}

static void print_record(const struct rr *rr)
{
	char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], class[TYPE_TEXT_MAX];
	name_to_absolute(&rr->owner, name);
	printf("%s\t%u\t%s\t%s\t", name, rr->ttl, class_to_text(rr->class, class),
		type_to_text(rr->type, type));
	print_data(rr);
	putchar('\n');
}

static void print_head(const struct local_reply *reply, struct packet_reader *r)
{
	static const char *const rcodes[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
	unsigned rcode = r->header.flags & 0xf;
	char name[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], class[TYPE_TEXT_MAX];
	struct question q;
	printf(";; status: %s, trust: %s; QUERY: %u, ANSWER: %u, AUTHORITY: %u, ADDITIONAL: %u\n",
		rcode < 6 ? rcodes[rcode] : "?", answer_trust_text(reply->trust),
		r->header.count[0], r->header.count[1], r->header.count[2], r->header.count[3]);
	if (packet_question(r, &q, NULL) < 0)
		return;
	name_to_absolute(&q.name, name);
	printf("\n;; QUESTION SECTION:\n;%s\t\t%s\t%s\n", name, class_to_text(q.class, class),
		type_to_text(q.type, type));
}

static void print_message(const struct local_reply *reply)
{
	static const char *const sections[] = {"ANSWER", "AUTHORITY", "ADDITIONAL"};
	struct packet_reader r;
	struct rr rr;
	int last = -1;
	if (packet_open(&r, reply->message, reply->message_len) < 0)
		return;
	print_head(reply, &r);
	while (packet_next(&r, &rr) == 1) {
		if ((int)rr.section != last)
			printf("\n;; %s SECTION:\n", sections[rr.section]);
		last = (int)rr.section;
		print_record(&rr);
	}
	putchar('\n');
}

/* As dig +short: the data of what was asked for, and of the aliases on the way. */
static void print_short(const struct local_reply *reply)
{
	struct packet_reader r;
	struct question q;
	struct rr rr;
	if (packet_open(&r, reply->message, reply->message_len) < 0 ||
		packet_question(&r, &q, NULL) < 0)
		return;
	while (packet_next(&r, &rr) == 1) {
		if (rr.section != PACKET_ANSWER || (rr.type != q.type && rr.type != TYPE_CNAME))
			continue;
		print_data(&rr);
		putchar('\n');
	}
}

void client_print(enum client_form form, const struct local_reply *reply)
{
	switch (form) {
	case CLIENT_LINE:
	case CLIENT_EXPLAIN:
		if (reply->len) /* without an answer there is no text */
			fwrite(reply->text, 1, reply->len, stdout);
		return;
	case CLIENT_SHORT:
		if (reply->error == 0)
			print_short(reply);
		return;
	case CLIENT_DNS:
		print_message(reply);
		return;
	}
}
