# Errors inside a gated location are JSON, also those that nginx makes.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

our $Proxy = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: 413 by nginx's limit, by length
--- config eval
HXGate::config() =~ s/client_max_body_size \S+/client_max_body_size 100;/r
--- request eval
"POST /v1/put\n" . "x" x 101
--- tenant: acme
--- more_headers
X-Request-Id: mine
--- refused
413 too_large Request body exceeds maximum size of 100 bytes
--- response_headers
X-Request-Id: mine
X-HX-CUs: 0.0
--- error_log
client intended to send too large body
--- audit
null POST /v1/put null 413 0

=== TEST 2: 413 by nginx's limit, chunked
--- config eval
HXGate::config() =~ s/client_max_body_size \S+/client_max_body_size 100;/r
--- request eval
"POST /v1/put\n65\r\n" . "x" x 101 . "\r\n0\r\n\r\n"
--- tenant: acme
--- more_headers
Transfer-Encoding: chunked
--- refused
413 too_large Request body exceeds maximum size of 100 bytes
--- error_log
client intended to send too large chunked body
--- audit
acme POST /v1/put null 413 0

=== TEST 3: 413 by the gate's limit, by length
--- config eval
HXGate::config(gate => 'hx_gate_max_upload 1000;')
--- request eval
"POST /v1/put\n" . "x" x (1000 / 3 * 4 + 1048576 + 100)
--- tenant: acme
--- refused
413 too_large Payload exceeds maximum upload size of 1000 bytes
--- audit
acme POST /v1/put null 413 0

=== TEST 4: 413 by the gate's limit, chunked
--- config eval
HXGate::config(gate => 'hx_gate_max_upload 1000;')
--- request eval
my $n = 1000 / 3 * 4 + 1048576 + 100;
sprintf "POST /v1/put\n%x\r\n{\"a\":\"%s\"}\r\n0\r\n\r\n", $n + 8, "x" x $n
--- tenant: acme
--- more_headers
Transfer-Encoding: chunked
--- refused
413 too_large Payload exceeds maximum upload size of 1000 bytes

=== TEST 5: nobody there
--- config eval
HXGate::config() =~ s/:\d+;/:\$TEST_NGINX_PORT_9;/r
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
502 engine_unreachable Engine is unreachable
--- response_headers
X-HX-CUs: 0.0
--- error_log
connect() failed
--- audit
acme GET /v1/get/prod/k prod 502 0

=== TEST 6: the engine closes without an answer
--- request
GET /v1/get/prod/k?_drop
--- tenant: acme
--- error_code: 502
--- response_body_like chomp
^\{"detail":"Engine is unreachable","error":"engine_unreachable","request_id":"[0-9a-f-]{36}"\}$
--- response_headers
Content-Type: application/json
X-HX-CUs: 0.0
--- error_log
upstream prematurely closed connection
--- audit
acme GET /v1/get/prod/k prod 502 0

=== TEST 7: the engine does not answer
--- config eval
HXGate::config(gate => 'proxy_read_timeout 50ms;')
    =~ s/:\d+;/:\$TEST_NGINX_PORT_9;/r
--- tcp_listen: $TEST_NGINX_PORT_9
--- tcp_no_close
--- tcp_reply_delay: 2
--- tcp_reply: late
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
504 engine_timeout Engine did not answer in time
--- error_log
upstream timed out
--- audit
acme GET /v1/get/prod/k prod 504 0

=== TEST 8: the engine answers what is no HTTP
--- config eval
HXGate::config() =~ s/:\d+;/:\$TEST_NGINX_PORT_9;/r
--- tcp_listen: $TEST_NGINX_PORT_9
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 5\0\r\n\r\nhello"
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
502 engine_unreachable Engine is unreachable
--- error_log
upstream sent invalid header

=== TEST 9: nginx's own limits
--- http_config eval
HXGate::http_config() . 'limit_req_zone $server_name zone=one:1m rate=1r/m;'
--- config eval
HXGate::config(gate => 'limit_req zone=one;')
--- request eval
["GET /v1/get/prod/k?_status=204", "GET /v1/get/prod/k"]
--- tenant: acme
--- error_code eval
[204, 503]
--- response_body_like eval
["^\$", '^\{"detail":"Service is temporarily unavailable","error":"unavailable","request_id":"[0-9a-f-]{36}"\}$']

=== TEST 10: nginx's own access rules
--- config eval
HXGate::config(gate => 'deny all;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
403 forbidden Forbidden
--- error_log
access forbidden by rule

=== TEST 11: an internal location that is gated
--- config eval
HXGate::config(gate => 'internal;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
404 not_found Not found

=== TEST 12: bad JSON
--- request eval
["POST /v1/put\n{", "POST /v1/put\n[]", "POST /v1/put\nx", "POST /v1/put",
 "POST /v1/put\n{\"namespace\":\"p d\"}", "POST /v1/put\n{\"namespace\":1}",
 "POST /v1/put\n{\"namespace\":\"prod\",\"namespace\":\"prod\"}"]
--- tenant: acme
--- refused
400 invalid_request Invalid JSON body
400 invalid_request Invalid JSON body
400 invalid_request Invalid JSON body
400 invalid_request Invalid JSON body
400 invalid_request Invalid namespace 'p d'
400 invalid_request Field 'namespace' must be a string
400 invalid_request Duplicate field 'namespace'

=== TEST 13: input in an error is escaped and cut
--- request eval
["POST /v1/put\n{\"namespace\":\"\\\"\\u0000\\\\<b>\\u00e4\"}",
 "POST /v1/put\n{\"namespace\":\"" . "x y" x 100 . "\"}",
 "GET /v1/get/%22%5C%3Cb%3E/k"]
--- tenant: acme
--- refused eval
"400 invalid_request Invalid namespace '\"\0\\<b>\xe4'\n"
. "400 invalid_request Invalid namespace '" . "x y" x 85 . "'\n"
. "400 invalid_request Invalid namespace '\"\\<b>'\n"

=== TEST 14: text/html is answered in JSON all the same
--- request
GET /v1/get/prod/k
--- more_headers
Accept: text/html
User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)
--- refused
401 unauthorized Missing API key

=== TEST 15: a server-wide gate, and errors before any location is known
--- config eval
"hx_gate on; hx_gate_operations hx-sdp; location / { $::Proxy }"
--- request eval
["GET /%", "TRACE /v1/put", "GET /" . "x" x 20000]
--- error_code eval
[400, 405, 414]
--- response_headers eval
[("Content-Type: application/json") x 3]
--- response_body_like eval
['"error":"invalid_request"', '"error":"method_not_allowed"',
 '"error":"uri_too_long"']
--- not_forwarded

=== TEST 16: a gated location that is none for a method
--- config eval
HXGate::config() . "location = /v1/get { hx_gate off; $::Proxy }"
--- request eval
["GET /v1/get", "GET /v1/get/prod/k"]
--- error_code eval
[200, 401]

=== TEST 17: 413 by the gate's limit while the body is passed on unread
--- config eval
"location /upd/ { hx_gate on; hx_gate_max_upload 1000;
    hx_gate_operation upd POST '/upd/{ns}' namespace=path;
    client_max_body_size 8m; proxy_request_buffering off;
    proxy_http_version 1.1; $::Proxy }"
--- request eval
my $n = 1_200_000;
sprintf "POST /upd/prod\n%x\r\n%s\r\n0\r\n\r\n", $n, "x" x $n
--- tenant: acme
--- more_headers
Transfer-Encoding: chunked
--- refused
413 too_large Payload exceeds maximum upload size of 1000 bytes
--- response_headers
X-HX-CUs: 0.0
--- audit
acme POST /upd/prod prod 413 0

=== TEST 18: the same with a body that fits
--- config eval
"location /upd/ { hx_gate on; hx_gate_max_upload 1000;
    hx_gate_operation upd POST '/upd/{ns}' namespace=path;
    client_max_body_size 8m; proxy_request_buffering off;
    proxy_http_version 1.1; $::Proxy }"
--- request eval
my $n = 900_000;
sprintf "POST /upd/prod\n%x\r\n%s\r\n0\r\n\r\n", $n, "x" x $n
--- tenant: acme
--- more_headers
Transfer-Encoding: chunked
--- error_code: 200
--- response_body_like: "body_length":900000
--- audit
acme POST /upd/prod prod 200 1
