# Liveness and readiness: JSON without a credential.
use lib 't/lib'; use HX; use HXGate;
use Test::Nginx::Socket 'no_plan';

HXGate::blocks();
run_tests();

__DATA__

=== TEST 1: health
--- request
GET /health
--- response_headers
Content-Type: application/json
--- response_headers_like
X-Request-Id: [0-9a-f-]{36}
--- response_body chomp
{"status":"ok"}
--- no_error_log
[error]

=== TEST 2: ready
--- request
GET /ready
--- response_headers
Content-Type: application/json
--- response_body chomp
{"status":"ready"}
--- no_error_log
[error]

=== TEST 3: HEAD has the same head and no body
--- request
HEAD /ready
--- response_headers
Content-Length: 18
--- response_body
--- no_error_log
[error]

=== TEST 4: other methods
--- request eval
["POST /health", "DELETE /ready"]
--- error_code eval
[405, 405]
--- response_headers eval
["Allow: GET, HEAD", "Allow: GET, HEAD"]
--- response_body_like eval
[(qr/^\{"detail":"Method not allowed","error":"method_not_allowed","request_id":"[0-9a-f-]{36}"\}$/) x 2]
--- no_error_log
[error]

=== TEST 5: a request id of the caller's is kept
--- request
GET /health
--- more_headers
X-Request-Id: probe-1
--- response_headers
X-Request-Id: probe-1

=== TEST 6: nothing is charged
--- request
GET /health
--- response_headers
! X-HX-CUs
--- no_error_log
[error]
