# Where nginx changes the address before it is forwarded: rewrite, proxy_pass
# with a URI or with variables.  The gate looks at what the engine will get.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

our $Engine = 'http://127.0.0.1:$TEST_NGINX_PORT_1';
our $Ours = <<'EOU';
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
EOU

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: rewrite ... break inside the gated location
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; rewrite ^/v1/short/(.*)\$ /v1/get/\$1 break;
    proxy_pass $::Engine; }"
--- request eval
["GET /v1/short/prod/k", "GET /v1/short/prod/a%2Fb", "GET /v1/get/prod/k"]
--- tenant: acme
--- error_code eval
[200, 200, 200]
--- upstream eval
"GET /v1/get/prod/k\n$::Ours
GET /v1/get/prod/a/b\n$::Ours
GET /v1/get/prod/k\n$::Ours"

=== TEST 2: what the rewritten address names is checked
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; rewrite ^/v1/short/(.*)\$ /v1/get/\$1 break;
    proxy_pass $::Engine; }"
--- request eval
["GET /v1/short/other/k", "GET /v1/short/prod/%3Fk", "GET /v1/short/prod/a%20b",
 "GET /v1/short/prod/%23k", "GET /v1/short/", "GET /v1/short/prod/%2e%2e/x/k"]
--- tenant: acme
--- refused
403 forbidden Namespace 'other' not permitted for tenant 'acme'
400 invalid_request Invalid path
400 invalid_request Invalid key
400 invalid_request Invalid path
400 invalid_request Path has an empty or relative segment
403 forbidden Namespace 'x' not permitted for tenant 'acme'

=== TEST 3: rewrite ... last into the gated location
--- config eval
"hx_gate_operations hx-sdp;
location /pub/ { rewrite ^/pub/(.*)\$ /v1/\$1 last; }
location /v1/ { hx_gate on; proxy_pass $::Engine; }"
--- request eval
["GET /pub/get/prod/k", "GET /pub/get/other/k"]
--- tenant: acme
--- error_code eval
[200, 403]
--- upstream eval
"GET /v1/get/prod/k\n$::Ours\n"
--- audit
acme GET /pub/get/prod/k prod 200 0.1
acme GET /pub/get/other/k other 403 0

=== TEST 4: a rewrite that turns a foreign namespace into an own one is no hole
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; rewrite ^/v1/get/alias/(.*)\$ /v1/get/prod/\$1 break;
    proxy_pass $::Engine; }"
--- request
GET /v1/get/alias/k
--- tenant: acme
--- upstream eval
"GET /v1/get/prod/k\n$::Ours"

=== TEST 5: rewrite with arguments of its own
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on;
    rewrite ^/v1/v/(\\d+)/(.*)\$ /v1/get/\$2?version=\$1 break;
    proxy_pass $::Engine; }"
--- request
GET /v1/v/7/prod/k?x=y
--- tenant: acme
--- upstream eval
"GET /v1/get/prod/k?version=7&x=y\n$::Ours"

=== TEST 6: proxy_pass with a URI
--- config eval
"location /api/ { hx_gate on;
    hx_gate_operation get GET '/api/get/{ns}/{key}';
    proxy_pass $::Engine/v1/; }"
--- request eval
["GET /api/get/prod/k?a=b", "GET /api/get/prod/a%2Fb", "GET /%61pi/g%65t/prod/k"]
--- tenant: acme
--- error_code eval
[200, 200, 200]
--- upstream eval
"GET /v1/get/prod/k?a=b\n$::Ours
GET /v1/get/prod/a/b\n$::Ours
GET /v1/get/prod/k\n$::Ours"

=== TEST 7: proxy_pass with a URI cannot be walked out of
--- config eval
"location /api/ { hx_gate on;
    hx_gate_operation get GET '/api/get/{ns}/{key}';
    proxy_pass $::Engine/v1/; }"
--- request eval
["GET /api/../api/get/prod/k", "GET /api/%2e%2e/api/get/prod/k",
 "GET /api/get/prod%2F..%2Fother/k", "GET //api/get/prod/k",
 "GET /api/get/other/k"]
--- tenant: acme
--- refused
400 invalid_request Path has an empty or relative segment
400 invalid_request Path has an empty or relative segment
400 invalid_request Path has an empty or relative segment
400 invalid_request Path has an empty or relative segment
403 forbidden Namespace 'other' not permitted for tenant 'acme'

=== TEST 8: proxy_pass with $uri: no line end gets through
--- config eval
"location /api/ { hx_gate on;
    hx_gate_operation any GET '/api/{name}' namespace=none;
    proxy_pass $::Engine\$uri; }"
--- request eval
["GET /api/x", "GET /api/x%0d%0aX-HX-Tenant:%20evil",
 "GET /api/x%20HTTP/1.0%0aX-HX-Tenant:%20evil%0aX:", "GET /api/x%00"]
--- tenant: acme
--- error_code eval
[200, 400, 400, 400]
--- upstream
GET /api/x
Authorization: Bearer {service}
X-HX-Tenant: acme
X-Request-Id: *


=== TEST 9: proxy_pass with $request_uri
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; proxy_pass $::Engine\$request_uri; }"
--- request eval
["GET /v1/get/prod/a%2Fb?x=1", "GET /v1/get/other/../prod/k"]
--- tenant: acme
--- error_code eval
[200, 400]
--- upstream eval
"GET /v1/get/prod/a%2Fb?x=1\n$::Ours\n"

=== TEST 10: a location given by a regular expression
--- config eval
"hx_gate_operations hx-sdp;
location ~* ^/v1/ { hx_gate on; proxy_pass $::Engine; }
location / { proxy_pass $::Engine/open/; }"
--- request eval
["GET /v1/get/prod/k", "GET /V1/get/prod/k", "GET /x/../v1/get/prod/k"]
--- more_headers eval
["X-Api-Key: {key:acme}", "X-Api-Key: {key:acme}", "X-A: b"]
--- error_code eval
[200, 404, 401]
--- upstream eval
"GET /v1/get/prod/k\n$::Ours\n"

=== TEST 11: an "if" inside the gated location is gated
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; if (\$http_x_a) { proxy_pass $::Engine; }
    proxy_pass $::Engine; }"
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers
X-A: 1
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key

=== TEST 12: so is a "limit_except"
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; limit_except GET { allow all; }
    proxy_pass $::Engine; }"
--- request eval
["DELETE /v1/delete/prod/k", "GET /v1/get/prod/k"]
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key
