# Subrequests: nginx runs no access phase for them, so a gated location must
# not be reached by one unless on behalf of a request that the gate granted,
# and inside its namespace.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });

our $Proxy = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';
our $Data = "hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; $Proxy }";
# a gated page with server-side includes, of namespace prod
our $Page = 'location /page/ {
    hx_gate on;
    hx_gate_operation page GET "/page/{ns}/{key}";
    ssi on; ssi_types *; root html; default_type text/plain;
}';

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: an include on a page outside the gate, even with a good key
--- config eval
"$::Data location / { ssi on; root html; }"
--- user_files
>>> page.html
<!--# include virtual="/v1/get/prod/k" -->
--- request eval
["GET /page.html", "GET /page.html"]
--- more_headers eval
["X-Api-Key: {key:acme}", "X-HX-Tenant: acme\nX-HX-Namespace: prod"]
--- response_body_like eval
["403 Forbidden", "403 Forbidden"]
--- not_forwarded
--- error_log
for a request that was not granted

=== TEST 2: add_before_body and add_after_body on a page outside the gate
--- config eval
"$::Data location / { root html; add_before_body /v1/get/prod/k;
    add_after_body /v1/list/prod; }"
--- user_files
>>> page.html
page
--- request
GET /page.html
--- tenant: acme
--- response_body_like: 403 Forbidden.*page.*403 Forbidden
--- not_forwarded
--- error_log
for a request that was not granted

=== TEST 3: auth_request into the gate
--- config eval
"$::Data location / { root html; auth_request /v1/get/prod/k; }"
--- user_files
>>> page.html
page
--- request
GET /page.html
--- tenant: acme
--- error_code: 403
--- not_forwarded
--- error_log
for a request that was not granted

=== TEST 4: a mirror into the gate
--- config eval
"$::Data location / { root html; mirror /v1/get/prod/k; }"
--- user_files
>>> page.html
page
--- request
GET /page.html
--- tenant: acme
--- response_body
page
--- not_forwarded
--- error_log
for a request that was not granted

=== TEST 5: an include on the page of a refusal
--- config eval
"$::Data error_page 401 403 /error.html; location = /error.html { ssi on;
    root html; }"
--- user_files
>>> error.html
<!--# include virtual="/v1/get/prod/k" -->
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/other/k"]
--- more_headers eval
["X-HX-Tenant: acme", "X-Api-Key: {key:acme}"]
--- error_code eval
[401, 403]
--- response_body_like eval
["an error occurred", "an error occurred"]
--- not_forwarded
--- error_log
for a request that was not granted

=== TEST 6: inside the gate, in the namespace of the request
--- config eval
"$::Data $::Page"
--- user_files
>>> page/prod/k
<!--# include virtual="/v1/get/prod/k" --><!--# include virtual="/v1/list/prod" -->
--- request
GET /page/prod/k
--- tenant: acme
--- error_code: 200
--- upstream eval
my $h = <<EOC;
Authorization: Bearer $HXGate::ServiceKey
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
EOC
"GET /v1/get/prod/k\n$h"
--- response_headers
X-HX-CUs: 1.0
--- audit
acme GET /page/prod/k prod 200 1

=== TEST 7: inside the gate, out of the namespace of the request
--- config eval
"$::Data $::Page"
--- user_files
>>> page/prod/k
<!--# include virtual="/v1/get/default/k" -->
--- request
GET /page/prod/k
--- tenant: acme
--- response_body_like: 403 Forbidden
--- not_forwarded
--- error_log
leaves the namespace of its request
--- audit
acme GET /page/prod/k prod 200 1

=== TEST 8: inside the gate, an address that is no operation
--- config eval
"$::Data $::Page"
--- user_files
>>> page/prod/k
<!--# include virtual="/v1/other" -->|<!--# include virtual="/v1/get/prod/../default/k" -->
--- request
GET /page/prod/k
--- tenant: acme
--- response_body_like: 404 Not Found
--- not_forwarded

=== TEST 9: inside the gate, an operation whose namespace is in a body nobody read
--- config eval
"$::Data $::Page
location /body { hx_gate on; hx_gate_operation body GET /body namespace=body;
    $::Proxy }"
--- user_files
>>> page/prod/k
<!--# include virtual="/body" -->
--- request
GET /page/prod/k
{"namespace":"other"}
--- tenant: acme
--- response_body_like: 403 Forbidden
--- not_forwarded
--- error_log
leaves the namespace of its request

=== TEST 10: inside the gate, an operation without a namespace
--- config eval
"$::Data $::Page
location /ping { hx_gate on; hx_gate_operation ping GET /ping namespace=none;
    $::Proxy }"
--- user_files
>>> page/prod/k
<!--# include virtual="/ping" -->
--- request
GET /page/prod/k
--- tenant: acme
--- upstream
GET /ping
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 11: a mirror outside the gate gets neither key
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; mirror /mirror; return 204; }
location /v2/ { hx_gate on; hx_gate_operation get GET \"/v2/get/{ns}/{key}\";
    mirror /mirror; root html; }
location = /mirror { internal; $::Proxy }"
--- user_files
>>> v2/get/prod/k
file
--- request
GET /v2/get/prod/k
--- tenant: acme
--- response_body
file
--- upstream
GET /mirror
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 12: a mirror and the engine, each what is its
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; mirror /mirror; $::Proxy }
location = /mirror { internal;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1/mirror?_drop; }"
--- request
POST /v1/put
{"key":"k","namespace":"prod"}
--- tenant: acme
--- response_body_like eval
qr/"Authorization","Bearer $HXGate::ServiceKey"(?!.*"Authorization")/
--- error_log
upstream prematurely closed connection

=== TEST 13: a mirror of a body into the gate, read and not read
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; mirror /mirror; root html; }
location /upd/ { hx_gate on;
    hx_gate_operation upd POST \"/upd/{ns}\" namespace=path;
    mirror /mirror; $::Proxy }
location = /mirror { internal; hx_gate on;
    hx_gate_operation mirror POST /mirror namespace=body; $::Proxy }"
--- request
POST /upd/prod
{"namespace":"other"}
--- tenant: acme
--- upstream
POST /upd/prod
Content-Length: 21
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- error_log
leaves the namespace of its request

=== TEST 14: a subrequest that asks who may come in, after the gate
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; auth_request /auth; $::Proxy }
location = /auth { internal;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1/auth?_status=\$http_x_a; }"
--- request eval
[("GET /v1/get/prod/k") x 3]
--- tenant: acme
--- more_headers eval
["X-A: 200", "X-A: 403", "X-A: 401"]
--- error_code eval
[200, 403, 401]
--- upstream
GET /auth?_status=200
X-A: 200
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

GET /v1/get/prod/k
X-A: 200
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

GET /auth?_status=403
X-A: 403
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- response_headers eval
["X-HX-CUs: 0.1", "X-HX-CUs: 0.0", "X-HX-CUs: 0.0"]

=== TEST 15: an answer put together of slices is charged once
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; slice 10; proxy_set_header Range \$slice_range;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_5; }"
--- http_config eval
HXGate::http_config() . 'server { listen 127.0.0.1:$TEST_NGINX_PORT_5;
    default_type text/plain; root html; }'
--- user_files
>>> v1/get/prod/k
0123456789abcdefghijABCDE
--- request
GET /v1/get/prod/k
--- tenant: acme
--- response_body
0123456789abcdefghijABCDE
--- response_headers
X-HX-CUs: 0.1
--- audit
acme GET /v1/get/prod/k prod 200 0.1
