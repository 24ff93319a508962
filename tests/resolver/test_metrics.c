/* resolver/metrics: lines of a status to Prometheus' text. */
#undef NDEBUG
#include "resolver/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_written_as(const char *status, const char *want)
{
	struct text t = {0};
	metrics_write(status, strlen(status), &t);
	text_put(&t, "", 1);
	assert_false(t.failed);
	assert_string_equal(t.bytes, want);
	text_destroy(&t);
}

#define HELP(metric, line)                                                                         \
	"# HELP kadns_" metric " Line " line " of .kadns/status, see kadns-files(7).\n"            \
	"# TYPE kadns_" metric " "

static void numbers_have_a_type(void **state)
{
	(void)state;
	is_written_as("cache.entries                      12\n"
		      "asks.total                         18446744073709551615\n",
		HELP("asks_total",
			"asks.total") "counter\n"
				      "kadns_asks_total 18446744073709551615\n" HELP(
					      "cache_entries",
					      "cache.entries") "gauge\nkadns_cache_entries 12\n");
}

static void what_there_are_several_of_has_labels(void **state)
{
	(void)state;
	is_written_as("dns.udp.in 1\ndns.udp.from.own 2\ndns.udp.took.1ms 3\n"
		      "dns.tcp.in 4\ndns.tcp.from.own 5\ndns.tcp.took.1ms 6\n",
		HELP("dns_from_total",
			"dns.DOOR.from.SOURCE") "counter\n"
						"kadns_dns_from_total{door=\"udp\","
						"source=\"own\"} 2\n"
						"kadns_dns_from_total{door=\"tcp\","
						"source=\"own\"} 5\n" HELP("dns_in_total",
							"dns.DOOR.in") "counter\n"
								       "kadns_dns_"
								       "in_total{"
								       "door="
								       "\"udp\"} 1\n"
								       "kadns_dns_"
								       "in_total{"
								       "door="
								       "\"tcp\"} "
								       "4\n" HELP("dns_"
										  "took"
										  "_tot"
										  "al",
									       "dns."
									       "DOOR"
									       ".too"
									       "k."
									       "TIM"
									       "E") "counter\n"
										    "kadns_dns_"
										    "took_total{"
										    "door=\"udp\","
										    "within="
										    "\"1ms\"} 3\n"
										    "kadns_dns_"
										    "took_total{"
										    "door=\"tcp\","
										    "within="
										    "\"1ms\"} 6\n");
	is_written_as("upstream.asked 1\nupstream.1.asked 2\nupstream.12.rtt_us 1234567\n",
		HELP("upstream_asked_total",
			"upstream.asked") "counter\nkadns_upstream_asked_total 1\n" HELP("upstream_"
											 "server_"
											 "asked_"
											 "total",
			"upstream.N.asked") "counter\n"
					    "kadns_upstream_server_asked_total{number=\"1\"} "
					    "2\n" HELP("upstream_server_rtt_seconds",
						    "upstream.N.rtt_us") "gauge\n"
									 "kadns_upstream_server_"
									 "rtt_seconds{number="
									 "\"12\"} 1.234567\n");
	is_written_as("dht.in.get.bytes 7\n",
		HELP("dht_in_bytes_total",
			"dht.in.KIND.bytes") "counter\n"
					     "kadns_dht_in_bytes_total{kind=\"get\"} 7\n");
}

static void words_are_labels(void **state)
{
	(void)state;
	is_written_as("version 0.1.0\nupstream.1.server tls://192.0.2.1#a \"b\\\n",
		HELP("upstream_server_info",
			"upstream.N.server") "gauge\n"
					     "kadns_upstream_server_info{number=\"1\",server=\"tls:"
					     "//192.0.2.1#a \\\"b\\\\\"} 1\n" HELP("version_info",
						     "version") "gauge\nkadns_version_info{version="
								"\"0.1.0\"} 1\n");
	is_written_as("dht.address4 -\n",
		HELP("dht_address4_info",
			"dht.address4") "gauge\nkadns_dht_address4_info{address4=\"-\"} 1\n");
}

static void what_is_no_line_is_left_out(void **state)
{
	(void)state;
	is_written_as("", "");
	is_written_as("\n\nversion\nversion  \n", "");
	is_written_as("pins 1", HELP("pins", "pins") "gauge\nkadns_pins 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_a_type),
		cmocka_unit_test(what_there_are_several_of_has_labels),
		cmocka_unit_test(words_are_labels),
		cmocka_unit_test(what_is_no_line_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
