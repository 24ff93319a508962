/* Dates as HTTP writes them. */
#include "resolver/http_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void http_date(int64_t seconds, char ret_text[HTTP_DATE_MAX])
{
	struct tm t;
	time_t at = (time_t)seconds;
	if (!gmtime_r(&at, &t) || t.tm_year < -1900 || t.tm_year > 8099) {
		at = 0; /* a clock that says this says nothing */
		gmtime_r(&at, &t);
	}
	snprintf(ret_text, HTTP_DATE_MAX, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
		days[t.tm_wday], (unsigned)t.tm_mday % 100, months[t.tm_mon],
		(unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100,
		(unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100);
}

const char *http_date_now(int64_t seconds)
{
	static char text[HTTP_DATE_MAX];
	static int64_t at = -1;
	if (at != seconds) {
		http_date(seconds, text);
		at = seconds;
	}
	return text;
}

bool http_date_read(struct http_piece text, int64_t *ret_seconds)
{
	/* In the locale "C", which we never leave, these are the names that the RFC wants. */
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
	char copy[64];
	if (!text.at || text.len >= sizeof(copy) || memchr(text.at, '\0', text.len))
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm t = {0};
		const char *end = strptime(copy, forms[i], &t);
		if (end && *end == '\0') {
			*ret_seconds = timegm(&t);
			return true;
		}
	}
	return false;
}
