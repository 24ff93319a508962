#!/bin/sh
# The doors over HTTP of the real program: each path by curl in both versions, dig and kdig as they ask over HTTPS, what
# is refused, and clients that would like to hold or break something (hostile_http.py).
. "$(dirname "$0")/../lib.sh"
small_internet
m=$T/dns c=$T/c
mkdir -p "$m" "$c"
/usr/bin/python3 "$TESTS/net/certificates.py" "$c" || { echo "not ok certificates"; exit 1; }
roots="root_hints=$MINET_RUN/root.hints,trust_anchor=$MINET_RUN/root.ds"
said=$("$KADNS" --no-dht -n -o upstream=none,https=127.0.0.1:8443 none "$m" 2>&1) && not_ok "https= without a certificate"
has "https= without a certificate" "$said" "https=127.0.0.1:8443 needs tls_cert=FILE"
said=$("$KADNS" --no-dht -n -o upstream=none,http=0.0.0.0:8882 none "$m" 2>&1) && not_ok "http= for all the world"
has "http= for all the world" "$said" "say who may ask"
check "starts" "$KADNS" --no-dht -o "$roots,upstream=recursive,dns=127.0.0.1:1053,deadline=2s" \
	-o "http=127.0.0.1:8882,http_host=dns.office.test,https=127.0.0.1:8443,tls_cert=$c/good.pem,tls_key=$c/good.key" none "$m"
pid=$(daemon_pid /var/lib/kadns/4001) node=$(node_pid /var/lib/kadns/4001)
plain=http://127.0.0.1:8882
get() { curl -s --max-time 10 "$@"; }
status() { get -o /dev/null -w '%{http_code}' "$@"; }
header() { # NAME CURL...
	name=$1
	shift
	get -o /dev/null -D - "$@" | tr -d '\r' | sed -n "s/^$name: //p"
}

# ---- files
for version in --http1.0 --http1.1 --http2-prior-knowledge; do
	is "$version: the file, byte for byte" "$(get $version $plain/dns/IN/A/www.example.test | sed 's/"ttl":[0-9]*//')" \
		"$(sed 's/"ttl":[0-9]*//' "$m/IN/A/www.example.test")"
done
has "of a proven answer" "$(get $plain/dns/IN/A/www.example.test)" '"trust":"dnssec"'
is "a name in pieces of %" "$(get $plain/dns/IN/A/%77ww.Example%2Etest. | jq -r '.data[0]')" 192.0.2.1
is "no such name" "$(status $plain/dns/IN/A/nothere.example.test)" 404
is "forged" "$(status $plain/dns/IN/A/www.bogus.test)" 502
for path in /dns /dns/ /dns/IN /dns/IN/A /dns/IN/A/ /dns/IN/A/x /dns/in/A/www.example.test /dns/IN/a/www.example.test \
	/dns/IN/ANY/www.example.test /dns/IN/AXFR/www.example.test /dns/IN/A/a/b.c /dns/IN/A/%00.test /dns/IN/A/%zz.test \
	/dns/IN/A/..test /nothing /dns-query/x; do
	is "$path" "$(status "$plain$path")" 404
done
tag=$(header etag $plain/dns/IN/A/www.example.test)
has "a tag" "$tag" '"'
is "the same is not sent again" "$(status -H "if-none-match: $tag" $plain/dns/IN/A/www.example.test)" 304
is "nor with others in the list" "$(status -H "if-none-match: \"x\", W/$tag" $plain/dns/IN/A/www.example.test)" 304
is "another is" "$(status -H 'if-none-match: "x"' $plain/dns/IN/A/www.example.test)" 200
is "HEAD has the length" "$(header content-length -I $plain/dns/IN/A/www.example.test)" \
	"$(get $plain/dns/IN/A/www.example.test | wc -c)"
for type in application/dns+json application/dns-json application/dns-message application/json; do
	is "accept: $type" "$(header content-type -H "accept: $type" $plain/dns/IN/A/www.example.test)" "$type"
done
is "what is wanted most" "$(header content-type -H 'accept: application/dns+json;q=0.5, application/dns-json' \
	$plain/dns/IN/A/www.example.test)" application/dns-json
is "RFC 8427" "$(get -H 'accept: application/dns+json' $plain/dns/IN/A/www.example.test | jq -r '.answerRRs[0].rdataA')" 192.0.2.1

# ---- 2009
is "PROXY" "$(get $plain/PROXY/IN/A/www.example.test | jq -c '.[0][0]|del(.ttl,.payload.ttl)')" \
	'{"__type__":"RRHeader","name":"www.example.test","type":"A","cls":"IN","payload":{"__type__":"Record_A","address":"192.0.2.1"},"auth":false}'
is "SHORT" "$(get $plain/SHORT/IN/A/www.example.test | jq -c '.[0]|del(.ttl)')" '{"__type__":"Record_A","address":"192.0.2.1"}'
get $plain/SHORT/IN/MX/example.test | jq -e '.[0].exchange and .[0].preference' >/dev/null && ok "a type that 2009 had not" ||
	not_ok "a type that 2009 had not"
of_2009() { # PATH STATUS CLASS
	is "2009: $1" "$(status "$plain$1") $(get "$plain$1")" "$2 [[{\"__type__\":\"error\",\"class\":\"$3\"}]]"
}
of_2009 /PROXY/IN/A/nothere.example.test 404 DNSNameError
of_2009 /SHORT/IN/A/www.bogus.test 502 DNSServerError
of_2009 /PROXY/IN/AXFR/example.test 403 DNSQueryRefusedError
of_2009 /PROXY/CH/A/www.example.test 400 DNSFormatError
of_2009 /PROXY/IN/A/..x 400 DNSFormatError
of_2009 /SHORT/IN/NOTYPE/www.example.test 400 DNSFormatError

# ---- DNS over HTTPS, as JSON
json() { get "$plain/resolve?$1" | jq -c "$2"; }
is "resolve" "$(json name=www.example.test '[.Status,.AD,.Answer[0].data]')" '[0,true,"192.0.2.1"]'
is "resolve: no such name" "$(json name=nothere.example.test .Status)" 3
is "resolve: forged" "$(json name=www.bogus.test '[.Status,.extended_dns_errors[0].info_code]')" '[2,6]'
is "resolve: forged, unchecked" "$(json 'name=www.bogus.test&cd=1' .Status)" 0
is "resolve: by number, with signatures" "$(json 'name=www.example.test&type=1&do=true' '[.Answer[].type]|sort')" '[1,46]'
is "resolve: by mnemonic" "$(json 'name=example.test&type=mx' '.Answer[0].type')" 15
is "dns-query?name=" "$(get "$plain/dns-query?name=www.example.test" | jq .Status)" 0
for query in '' name= name=a..b 'name=a.b&type=' 'name=a.b&type=x' 'name=a.b&type=65536' 'name=a.b&do=2' 'name=a.b&name=c.d' \
	'name=a%zz.b'; do
	is "resolve?$query" "$(status "$plain/resolve?$query")" 400
done

# ---- how long it may be kept (RFC 8484, 5.1): the least TTL, or that of the denial
ttl=$(json name=www.example.test '.Answer[0].TTL')
age=$(header cache-control "$plain/resolve?name=www.example.test")
check "max-age is the TTL" test "${age#max-age=}" -le "$ttl" -a "${age#max-age=}" -ge $((ttl - 2))
soa=$(json name=nothere.example.test '.Authority[]|select(.type==6)|[.TTL,(.data|split(" ")|.[6]|tonumber)]|min')
age=$(header cache-control "$plain/resolve?name=nothere.example.test")
check "or the SOA's" test "${age#max-age=}" -le "$soa" -a "${age#max-age=}" -ge $((soa - 2))
is "of what failed it is none" "$(header cache-control "$plain/resolve?name=www.bogus.test")" "max-age=0"
q=EjQBAAABAAAAAAAAA3d3dwdleGFtcGxlBHRlc3QAAAEAAQ # id 0x1234
is "the id is the question's" "$(get "$plain/dns-query?dns=$q" | od -An -tx1 -N2 | tr -d ' ')" 1234
is "too much" "$(head -c 70000 /dev/zero | status --data-binary @- -H 'content-type: application/dns-message' $plain/dns-query)" 413

# ---- and as it is
for how in +https +https-get; do
	is "dig $how" "$(dig $how +tls-ca="$c/ca.pem" +tls-hostname=dns.test -p 8443 @127.0.0.1 www.example.test +short)" 192.0.2.1
	is "kdig $how" "$(kdig $how +tls-ca="$c/ca.pem" +tls-hostname=dns.test -p 8443 @127.0.0.1 www.example.test +short)" 192.0.2.1
done
is "dig +http-plain" "$(dig +http-plain -p 8882 @127.0.0.1 www.example.test +short)" 192.0.2.1
echo "www.example.test A" >"$T/questions"
for method in GET POST; do
	dnsperf -m doh -O doh-method=$method -s 127.0.0.1 -p 8443 -d "$T/questions" -n 300 -q 1 -l 20 >"$T/dnsperf" 2>&1
	has "dnsperf -m doh, $method" "$(cat "$T/dnsperf")" "Queries completed:    300 (100.00%)"
done
has "padded" "$(kdig +https -p 8443 @127.0.0.1 www.example.test)" "Received 468 B"
is "the other TLS" "$(get --tls-max 1.2 --http1.1 --cacert "$c/ca.pem" --resolve dns.test:8443:127.0.0.1 \
	https://dns.test:8443/SHORT/IN/A/www.example.test | jq -r '.[0].address')" 192.0.2.1
is "not as plain text" "$(status -X POST -H 'content-type: text/plain' -d x $plain/dns-query)" 415
is "not at all" "$(status "$plain/dns-query?dns=AAA")" 400
is "not in base64" "$(status "$plain/dns-query?dns=AAAA==")" 400
is "nor PUT" "$(status -X PUT $plain/dns-query)" 405
is "what may be" "$(header allow -X PUT $plain/dns-query)" "GET, HEAD, POST"
is "OPTIONS" "$(status -X OPTIONS $plain/dns-query)" 204
lacks "no page of a stranger's may read it" "$(get -D - -o /dev/null -H 'origin: http://evil.test' "$plain/resolve?name=www.example.test")" \
	access-control

# ---- whose page has made the browser ask: from the time that a reply takes, it would learn what was asked before
url="$plain/resolve?name=www.example.test"
for site in 'sec-fetch-site: cross-site' 'sec-fetch-site: same-site' 'sec-fetch-site: x' 'sec-fetch-site;'; do
	is "$site" "$(status -H "$site" "$url")" 403
done
for site in none same-origin; do
	is "sec-fetch-site: $site" "$(status -H "sec-fetch-site: $site" "$url")" 200
done
for origin in http://evil.test null http://127.0.0.1 http://127.0.0.1:8883 127.0.0.1:8882; do
	is "origin: $origin" "$(status -H "origin: $origin" "$url")" 403
done
is "origin: its own" "$(status -H "origin: $plain" "$url")" 200
for path in /dns/IN/A/www.example.test /SHORT/IN/A/www.example.test /PROXY/IN/A/www.example.test /explain/IN/A/www.example.test \
	/status /nodes /metrics /healthz /dns-query; do
	is "$path: not for a page of elsewhere" "$(status --http2-prior-knowledge -H 'sec-fetch-site: cross-site' "$plain$path")" 403
done
is "a link may lead to the page" "$(status -H 'sec-fetch-site: cross-site' $plain/)" 200

# ---- whose name it is asked by
for host in 127.0.0.1 127.0.0.1:8882 '[::1]:8882' localhost LocalHost:1 a.localhost localhost. dns.office.test DNS.office.test.:8882; do
	is "host: $host" "$(status -H "host: $host" "$plain/resolve?name=www.example.test")" 200
done
is "of HTTP/2: localhost" "$(status --http2-prior-knowledge -H "host: localhost" "$plain/resolve?name=www.example.test")" 200
is "of HTTP/2: evil.test" "$(status --http2-prior-knowledge -H "host: evil.test" "$plain/resolve?name=www.example.test")" 421
for host in evil.test evil.test:8882 localhost.evil.test notlocalhost 127.0.0.1.evil.test '[::1' 127.0.0.1:x dns.test; do
	is "host: $host" "$(status -H "host: $host" "$plain/resolve?name=www.example.test")" 421
done
is "over TLS the certificate's" "$(status -k -H "host: dns.test" "https://127.0.0.1:8443/resolve?name=www.example.test")" 200
is "and no other" "$(status -k -H "host: evil.test" "https://127.0.0.1:8443/resolve?name=www.example.test")" 421

# ---- those who mean it less well
check "hostile clients" /usr/bin/python3 -W ignore "$TESTS/net/hostile_http.py" "$node" "$m"
cat "$T/check.out"
not_ok_count=$((not_ok_count + $(grep -c '^not ok' "$T/check.out")))
h2load -n 2000 -c 4 -m 20 "$plain/resolve?name=www.example.test" >"$T/h2load" 2>&1
has "h2load" "$(cat "$T/h2load")" "2000 succeeded, 0 failed, 0 errored"
check "unmounts" umount "$m"
eventually 5 ended "$pid" && ok "ends" || not_ok "ends"
finish
