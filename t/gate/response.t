# Headers of responses: what was charged, and nothing of the upstream's that
# could be taken for the gate's.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });

our @Operations = (
    # method, path, body, CU, operation
    ['POST', '/v1/put', '{"key":"k"}', '1.0', 'put'],
    ['POST', '/v1/put_cores', '{"key":"k"}', '1.0', 'put_cores'],
    ['POST', '/v1/put_cores_batch', '{"items":[]}', '2.0', 'put_cores_batch'],
    ['GET', '/v1/get/prod/k', '', '0.1', 'get'],
    ['HEAD', '/v1/get/prod/k', '', '0.1', 'get'],
    ['POST', '/v1/serve', '{"key":"k"}', '0.5', 'serve'],
    ['POST', '/v1/serve', '{"key":"k","mode":"dense"}', '0.5', 'serve'],
    ['POST', '/v1/serve', '{"mode":"gpu","key":"k"}', '2.0', 'serve_gpu'],
    ['POST', '/v1/serve', '{"m\u006fde":"g\u0070u"}', '2.0', 'serve_gpu'],
    ['POST', '/v1/serve', '{"x":{"mode":"gpu"}}', '0.5', 'serve'],
    ['POST', '/v1/search', '{}', '0.5', 'search'],
    ['DELETE', '/v1/delete/prod/k', '', '0.1', 'delete'],
    ['GET', '/v1/list/prod', '', '0.1', 'list'],
    ['POST', '/v1/query/similarity', '{}', '1.0', 'query_similarity'],
    ['POST', '/v1/query/topk', '{}', '1.0', 'query_topk'],
    ['POST', '/v1/query/vector', '{}', '1.0', 'query_vector'],
);

HXBlock::sections(gate =>
    'add_header X-Operation "$hx_gate_operation $hx_gate_cus" always;');
run_tests();

__DATA__

=== TEST 1: what each operation costs
--- request eval
[map { "$_->[0] $_->[1]" . ($_->[2] ? "\n$_->[2]" : '') } @::Operations]
--- tenant: acme
--- error_code eval
[(200) x @::Operations]
--- response_headers eval
[map { "X-HX-CUs: $_->[3]\nX-Operation: $_->[4] $_->[3]" } @::Operations]
--- audit eval
CORE::join "\n", map {
    "acme $_->[0] $_->[1] " . ($_->[2] ? 'default' : 'prod') . ' 200 '
    . ($_->[3] + 0)
} @::Operations

=== TEST 2: only 2xx and 304 are charged
--- request eval
[map { "GET /v1/get/prod/k?_status=$_" }
 200, 201, 204, 206, 299, 304, 301, 302, 400, 403, 404, 409, 429, 500, 503]
--- tenant: acme
--- error_code eval
[200, 201, 204, 206, 299, 304, 301, 302, 400, 403, 404, 409, 429, 500, 503]
--- response_headers eval
[("X-HX-CUs: 0.1") x 6, ("X-HX-CUs: 0.0") x 9]

=== TEST 3: refusals are not charged
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k", "GET /v1/get/other/k",
 "GET /v1/nothing", "PUT /v1/put"]
--- more_headers eval
["X-A: b", "X-Api-Key: {unknown}", ("X-Api-Key: {key:acme}") x 3]
--- error_code eval
[401, 401, 403, 404, 405]
--- response_headers eval
[("X-HX-CUs: 0.0") x 5]

=== TEST 4: what the gate says itself, the upstream does not say
--- request eval
["GET /v1/get/prod/k?_header=X-HX-CUs:99.9",
 "GET /v1/get/prod/k?_header=x-hx-cus:99.9&_header=X-Hx-Tenant:x",
 "GET /v1/get/prod/k?_header=X-HX-Dtype:float64&_header=X-Kept:1"]
--- tenant: acme
--- response_headers eval
["X-HX-CUs: 0.1", "X-HX-CUs: 0.1\n! X-HX-Tenant",
 "X-HX-CUs: 0.1\nX-HX-Dtype: float64\nX-Kept: 1"]

=== TEST 5: what the upstream says about an error of its own stays
--- request
GET /v1/get/prod/k?_status=404&_header=X-Kept:1
--- tenant: acme
--- error_code: 404
--- response_headers
Content-Type: application/json
X-Kept: 1
X-HX-CUs: 0.0
--- response_body_like: "target":"/v1/get/prod/k

=== TEST 6: an engine that does not accept the gate is a bad gateway
--- request
GET /v1/get/prod/k?_status=401&_header=WWW-Authenticate:Bearer&_header=X-Kept:1
--- tenant: acme
--- error_code: 502
--- response_headers
Content-Type: application/json
X-HX-CUs: 0.0
! WWW-Authenticate
--- response_body_like chomp
^\{"detail":"Engine is unreachable","error":"engine_unreachable","request_id":"[0-9a-f-]{36}"\}$
--- error_log
the upstream answered 401, it does not accept the service key
--- audit
acme GET /v1/get/prod/k prod 502 0

=== TEST 7: the same to HEAD
--- request
HEAD /v1/get/prod/k?_status=401
--- tenant: acme
--- error_code: 502
--- response_body

=== TEST 8: the same where nginx intercepts errors of the upstream
--- config eval
HXGate::config(gate => 'proxy_intercept_errors on;
    error_page 401 /denied.html;') . 'location = /denied.html { }'
--- user_files
>>> denied.html
<p>Unknown</p>
--- request
GET /v1/get/prod/k?_status=401
--- tenant: acme
--- error_code: 502
--- response_body_like: "error":"engine_unreachable"
--- audit
acme GET /v1/get/prod/k prod 502 0

=== TEST 9: places without the gate get none of its headers
--- config eval
HXGate::config() . 'location = /open { return 200 "open\n"; }'
--- request
GET /open
--- response_headers
! X-HX-CUs
! X-Request-Id
--- response_body
open

=== TEST 10: compressed answers
--- config eval
HXGate::config(gate => 'gzip on; gzip_types *; gzip_min_length 1;')
--- request eval
["GET /v1/get/prod/k", "GET /v1/nothing"]
--- tenant: acme
--- more_headers
Accept-Encoding: gzip
--- response_body_filters eval
sub { require Compress::Zlib; Compress::Zlib::memGunzip($_[0]) }
--- response_headers eval
[("Content-Encoding: gzip\nContent-Type: application/json") x 2]
--- error_code eval
[200, 404]
--- response_body_like eval
['"target":"/v1/get/prod/k"', '^\{"detail":"No such operation"']
