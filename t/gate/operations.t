# Operations: templates, regular expressions, methods, costs.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

our $Proxy = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    add_header X-Operation $hx_gate_operation always;';

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: own operations beside the documented ones
--- config eval
"hx_gate_operations hx-sdp;
hx_gate_operation tail GET '/v1/tail/{ns}/{key}' cost=0.3;
hx_gate_operation stats GET /v1/stats namespace=none cost=0;
hx_gate_operation import POST /v1/import namespace=body cost=12.5;
location /v1/ { hx_gate on; $::Proxy }"
--- request eval
["GET /v1/tail/prod/k", "GET /v1/stats",
'POST /v1/import
{"namespace":"prod"}', "GET /v1/get/prod/k", "GET /v1/tail/other/k",
'POST /v1/import
{"namespace":"other"}']
--- tenant: acme
--- error_code eval
[200, 200, 200, 200, 403, 403]
--- response_headers eval
["X-HX-CUs: 0.3\nX-Operation: tail", "X-HX-CUs: 0.0\nX-Operation: stats",
 "X-HX-CUs: 12.5\nX-Operation: import", "X-HX-CUs: 0.1\nX-Operation: get",
 "X-HX-CUs: 0.0\nX-Operation: tail", "X-HX-CUs: 0.0\nX-Operation: import"]
--- audit
acme GET /v1/tail/prod/k prod 200 0.3
acme GET /v1/stats null 200 0
acme POST /v1/import prod 200 12.5
acme GET /v1/get/prod/k prod 200 0.1
acme GET /v1/tail/other/k other 403 0
acme POST /v1/import other 403 0

=== TEST 2: the cost of an operation that names none
--- config eval
"hx_gate_operation ping GET /v1/ping namespace=none;
location /v1/ { hx_gate on; $::Proxy }"
--- request
GET /v1/ping
--- tenant: acme
--- response_headers
X-HX-CUs: 1.0

=== TEST 3: a segment that stands for anything
--- config eval
"hx_gate_operation item GET '/v1/{kind}/{ns}/item/{id}';
location /v1/ { hx_gate on; $::Proxy }"
--- request eval
["GET /v1/x/prod/item/7", "GET /v1/x%20y/prod/item/7", "GET /v1/x/other/item/7",
 "GET /v1/x/prod/items/7", "GET /v1/x/prod/item/7/8", "GET /v1/x/prod/item",
 "GET /v1/x%2Fy/prod/item/7", "GET /v1/x/prod/item/7%2F8"]
--- tenant: acme
--- error_code eval
[200, 200, 403, 404, 404, 404, 404, 404]

=== TEST 4: a regular expression with named groups
--- config eval
q!hx_gate_operation get GET "~/v1/(?<kind>get|meta)/(?<ns>[^/]+)/(?<key>.+)";
location /v1/ { hx_gate on; ! . "$::Proxy }"
--- request eval
["GET /v1/get/prod/k", "GET /v1/meta/prod/a/b", "GET /v1/meta/prod/a%2Fb",
 "GET /v1/g%65t/pr%6fd/k", "GET /v1/get/other/k", "GET /v1/get/p.d/k",
 "GET /v1/get/prod/a;b", "GET /v1/put/prod/k", "GET /v1/get/prod",
 "GET /v1/get/prod/", "GET /x/v1/get/prod/k", "GET /v1/get/prod%2Fx/k"]
--- tenant: acme
--- error_code eval
[200, 200, 200, 200, 403, 400, 400, 404, 404, 400, 404, 400]
--- upstream eval
my $h = <<'EOH';
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
EOH
CORE::join("\n", map { "GET /v1/$_\n$h" }
    'get/prod/k', 'meta/prod/a/b', 'meta/prod/a%2Fb', 'g%65t/pr%6fd/k')
    . "\n" x 16

=== TEST 5: a regular expression has to match from end to end
--- config eval
q|hx_gate_operation list GET "~/v1/list/(?<ns>[a-z]+)";
location /v1/ { hx_gate on; | . "$::Proxy }"
--- request eval
["GET /v1/list/prod", "GET /v1/list/prod/x", "GET /v1/list/prodX",
 "GET /v1/list/prod?x"]
--- tenant: acme
--- error_code eval
[200, 404, 404, 200]

=== TEST 6: "^" and "$" in it change nothing, nor does a line end
--- config eval
q|hx_gate_operation list GET "~^/v1/list/(?<ns>[a-z]+)$";
location /v1/ { hx_gate on; | . "$::Proxy }"
--- request eval
["GET /v1/list/prod", "GET /v1/list/prod%0a", "GET /v1/list/prod/x"]
--- tenant: acme
--- error_code eval
[200, 400, 404]

=== TEST 7: without the namespace group the request is not this operation
--- config eval
q|hx_gate_operation list GET "~/v1/list(/(?<ns>[a-z]+))?";
location /v1/ { hx_gate on; | . "$::Proxy }"
--- request eval
["GET /v1/list/prod", "GET /v1/list"]
--- tenant: acme
--- error_code eval
[200, 404]

=== TEST 8: HEAD is a GET, other methods are not
--- request eval
["HEAD /v1/get/prod/k", "HEAD /v1/list/prod", "OPTIONS /v1/get/prod/k",
 "PROPFIND /v1/get/prod/k", "PATCH /v1/put"]
--- tenant: acme
--- error_code eval
[200, 200, 405, 405, 405]
--- response_headers eval
["X-HX-CUs: 0.1", "X-HX-CUs: 0.1", ("X-HX-CUs: 0.0") x 3]

=== TEST 9: no such operation
--- request eval
["GET /v1/", "GET /v1/nothing", "POST /v1/put/", "POST /v1/put/x",
 "DELETE /v1/delete/prod"]
--- tenant: acme
--- refused
400 invalid_request Path has an empty or relative segment
404 not_found No such operation
400 invalid_request Path has an empty or relative segment
404 not_found No such operation
404 not_found No such operation

=== TEST 10: another method, and which would do
--- config eval
"hx_gate_operations hx-sdp;
hx_gate_operation item_get GET '/v1/item/{ns}/{key}';
hx_gate_operation item_put PUT '/v1/item/{ns}/{key}';
hx_gate_operation item_del DELETE '/v1/item/{ns}/{key}';
location /v1/ { hx_gate on; $::Proxy }"
--- request eval
["GET /v1/put", "POST /v1/get/prod/k", "HEAD /v1/put", "GET /v1/delete/prod/k",
 "POST /v1/item/prod/k", "FOO /v1/item/prod/k"]
--- tenant: acme
--- refused
405 method_not_allowed Method not allowed
405 method_not_allowed Method not allowed
405 method_not_allowed HEAD
405 method_not_allowed Method not allowed
405 method_not_allowed Method not allowed
405 method_not_allowed Method not allowed
--- response_headers eval
["Allow: POST", "Allow: GET, HEAD", "Allow: POST", "Allow: DELETE",
 "Allow: GET, HEAD, PUT, DELETE", "Allow: GET, HEAD, PUT, DELETE"]

=== TEST 11: methods in lower case are no methods
--- request eval
["get /v1/get/prod/k", "Get /v1/get/prod/k"]
--- tenant: acme
--- error_code eval
[400, 400]
--- not_forwarded

=== TEST 12: a method cannot be overridden
--- request
GET /v1/get/prod/k?_method=DELETE
--- tenant: acme
--- more_headers
X-HTTP-Method-Override: DELETE
--- error_code: 200
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 13: a location's own operations take the place of its server's
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; hx_gate_operation ping GET /v1/ping namespace=none;
    $::Proxy }"
--- request eval
["GET /v1/ping", "GET /v1/get/prod/k"]
--- tenant: acme
--- error_code eval
[200, 404]

=== TEST 14: the first that fits
--- config eval
"hx_gate_operation special GET '/v1/get/{ns}/special' cost=5;
hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; $::Proxy }"
--- request eval
["GET /v1/get/prod/special", "GET /v1/get/prod/specia"]
--- tenant: acme
--- response_headers eval
["X-Operation: special\nX-HX-CUs: 5.0", "X-Operation: get\nX-HX-CUs: 0.1"]
