# Request headers on their way to the engine: the client's credentials and
# whatever could be taken for a header of ours go, ours come, the rest stays.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });

our @Spoofed = (
    'X-HX-Tenant: evil', 'x-hx-tenant: evil', 'X-Hx-TENANT: evil',
    'X-HX-Namespace: evil', 'X-HX-CUs: 0.0', 'X-HX-: evil',
    'X-HX-Some-Thing-New: evil',
    'X_HX_Tenant: evil', 'X-HX_Tenant: evil', 'x_hx-tenant: evil',
    'X_Hx_Namespace: evil', 'X_HX_: evil', 'X_Api_Key: evil',
    'x-api_key: evil', 'X_Request_Id: evil', 'x-request_id: evil',
);
our $Upstream = <<'EOU';
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
EOU

HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: namespace in the path
--- request
GET /v1/get/prod/k?version=1
--- tenant: acme
--- more_headers
Accept: application/json
X-Other: 1
x-other: 2
X-Empty:
X-H: 1
A: b
Authorizations: none
X-Api-Keys: none
--- upstream
GET /v1/get/prod/k?version=1
Accept: application/json
X-Other: 1
x-other: 2
X-Empty: 
X-H: 1
A: b
Authorizations: none
X-Api-Keys: none
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 2: namespace in the body
--- request eval
['POST /v1/put
{"key":"k","namespace":"prod","data_b64":"eA=="}',
'POST /v1/put
{"key":"k","data_b64":"eA=="}']
--- tenant: acme
--- upstream
POST /v1/put
Authorization: Bearer {service}
Content-Length: 48
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

POST /v1/put
Authorization: Bearer {service}
Content-Length: 29
X-HX-Tenant: acme
X-HX-Namespace: default
X-Request-Id: *
--- upstream_body
{"key":"k","namespace":"prod","data_b64":"eA=="}

=== TEST 3: no namespace
--- config eval
<<EOC;
location /v1/ {
    hx_gate on;
    hx_gate_operation ping GET /v1/ping namespace=none;
    proxy_pass http://127.0.0.1:\$TEST_NGINX_PORT_1;
}
EOC
--- request
GET /v1/ping
--- tenant: acme
--- more_headers
X-HX-Namespace: prod
--- upstream
GET /v1/ping
Authorization: Bearer {service}
X-HX-Tenant: acme
X-Request-Id: *

=== TEST 4: spoofed headers, underscores allowed
--- config eval
HXGate::config() . 'underscores_in_headers on;'
--- request eval
[("GET /v1/get/prod/k") x @::Spoofed]
--- tenant: acme
--- more_headers eval
\@::Spoofed
--- error_code eval
[(200) x @::Spoofed]
--- upstream eval
CORE::join "\n", ($::Upstream) x @::Spoofed

=== TEST 5: spoofed headers, underscores not allowed
--- request eval
[("GET /v1/get/prod/k") x @::Spoofed]
--- tenant: acme
--- more_headers eval
\@::Spoofed
--- error_code eval
[(200) x @::Spoofed]
--- upstream eval
CORE::join "\n", ($::Upstream) x @::Spoofed

=== TEST 6: all spoofed headers at once, each twice
--- config eval
HXGate::config() . 'underscores_in_headers on;'
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers eval
CORE::join "\n", @::Spoofed, @::Spoofed
--- upstream eval
$::Upstream

=== TEST 7: names that only look alike stay
--- config eval
HXGate::config() . 'underscores_in_headers on;'
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X-HXTenant: 1
X-H-X-Tenant: 2
HX-Tenant: 3
XX-HX-Tenant: 4
X-Request-Ids: 5
_X_HX_Tenant: 6
X__HX_Tenant: 7
--- upstream
GET /v1/get/prod/k
X-HXTenant: 1
X-H-X-Tenant: 2
HX-Tenant: 3
XX-HX-Tenant: 4
X-Request-Ids: 5
_X_HX_Tenant: 6
X__HX_Tenant: 7
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 8: other separators, where nginx lets invalid names pass
--- config eval
HXGate::config() . 'ignore_invalid_headers off; underscores_in_headers on;'
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X.HX.Tenant: evil
X-HX.Namespace: evil
X+HX+Tenant: evil
X.Api.Key: evil
X~Request~Id: evil
--- upstream eval
$::Upstream

=== TEST 9: our headers cannot be named as hop-by-hop
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
Connection: close, Authorization, X-HX-Tenant, X-HX-Namespace, X-Request-Id
--- upstream eval
$::Upstream

=== TEST 10: a header behind a bare LF is a header like others
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
X-Other: 1\nX-HX-Tenant: evil\r\nConnection: close\r\n\r\n"
--- upstream
GET /v1/get/prod/k
X-Other: 1
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 11: a blank before the colon
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
X-HX-Tenant : evil\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- not_forwarded

=== TEST 12: a folded header
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
X-Other: 1\r\n X-HX-Tenant: evil\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- not_forwarded

=== TEST 13: a bare CR
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
X-Other: 1\rX-HX-Tenant: evil\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- not_forwarded

=== TEST 14: a NUL in a value, a NUL in a name
--- raw_request eval
"GET /v1/get/prod/k HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
X-Other: 1\0X-HX-Tenant: evil\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- not_forwarded

=== TEST 15: more headers than one list part of nginx holds
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers eval
CORE::join "\n", map { ("X-N$_: $_", "X-HX-N$_: $_") } 1 .. 60
--- upstream eval
CORE::join "\n", $::Upstream =~ /(.+)/g, map { "X-N$_: $_" } 1 .. 60

=== TEST 16: an Authorization by proxy_set_header takes the place of ours
--- config eval
HXGate::config(gate =>
    'proxy_set_header Authorization "Bearer $hx_gate_service_key";')
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- tenant: acme
--- more_headers eval
["X-Other: 1", "Authorization: Bearer $HXGate::Key{acme}"]
--- upstream eval
my ($line, @h) = split /\n/, $::Upstream;
CORE::join("\n", $line, @h, 'X-Other: 1') . "\n\n$::Upstream"

=== TEST 17: the service key in a header of the operator's own
--- config eval
HXGate::config(gate => 'proxy_set_header X-Engine $hx_gate_service_key;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /v1/get/prod/k
X-Engine: {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 18: the service key is in no variable of the gate's side
--- config eval
HXGate::config(gate => 'add_header X-Seen
    "<$http_authorization|$http_x_api_key|$remote_user>" always;')
--- request eval
[("GET /v1/get/prod/k") x 3]
--- more_headers eval
["X-Api-Key: {key:acme}", "Authorization: Bearer {key:acme}",
 "X-Api-Key: {key:acme}\nAuthorization: Basic YWNtZTpwYXNz"]
--- error_code eval
[200, 200, 200]
--- response_headers eval
["X-Seen: <||>", "X-Seen: <||>", "X-Seen: <||>"]

=== TEST 19: another protocol to the engine
--- config eval
<<EOC;
hx_gate_operations hx-sdp;
location /v1/ {
    hx_gate on;
    scgi_param REQUEST_METHOD \$request_method;
    scgi_param REQUEST_URI \$request_uri;
    scgi_pass 127.0.0.1:\$TEST_NGINX_PORT_3;
}
EOC
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X-HX-Tenant: evil
X-HX-Namespace: evil
X-Other: 1
Authorization: Bearer evil
--- tcp_listen: $TEST_NGINX_PORT_3
--- tcp_query eval
qr/^(?!.*evil)(?=.*\0HTTP_X_HX_TENANT\0acme\0)(?=.*\0HTTP_X_HX_NAMESPACE\0prod\0)(?=.*\0HTTP_AUTHORIZATION\0Bearer $HXGate::ServiceKey\0)(?=.*\0HTTP_X_OTHER\x{0}1\0)(?!.*HTTP_X_API_KEY)/s
--- tcp_reply eval
"Status: 200\r\nContent-Type: text/plain\r\n\r\nok\n"
--- response_body
ok

=== TEST 20: gRPC to the engine
--- http_config eval
HXGate::http_config() . 'server { listen 127.0.0.1:$TEST_NGINX_PORT_5 http2;
    location / { return 200 "$http_authorization|$http_x_hx_tenant|$http_x_hx_namespace|$http_x_api_key|$http_x_other\n"; } }'
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; grpc_pass grpc://127.0.0.1:\$TEST_NGINX_PORT_5; }"
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X-HX-Tenant: evil
X-Other: 1
Authorization: Bearer evil
--- echo
--- response_body eval
"Bearer $HXGate::ServiceKey|acme|prod||1\n"

=== TEST 21: FastCGI to the engine
--- config eval
"hx_gate_operations hx-sdp;
location /v1/ { hx_gate on; fastcgi_pass 127.0.0.1:\$TEST_NGINX_PORT_3; }"
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X-HX-Tenant: evil
X-HX-Namespace: evil
X-Other: 1
Authorization: Bearer evil
--- tcp_listen: $TEST_NGINX_PORT_3
--- tcp_query eval
qr/^(?!.*evil)(?=.*HTTP_X_HX_TENANTacme)(?=.*HTTP_X_HX_NAMESPACEprod)(?=.*HTTP_AUTHORIZATIONBearer $HXGate::ServiceKey)(?=.*HTTP_X_OTHER1)(?!.*HTTP_X_API_KEY)/s
--- tcp_reply eval
my $out = "Content-Type: text/plain\r\n\r\nok\n";
pack('CCnnCC', 1, 6, 1, length $out, 0, 0) . $out
. pack('CCnnCC', 1, 3, 1, 8, 0, 0) . "\0" x 8
--- response_body
ok
