# Internal redirects: a request is authenticated, charged and recorded once,
# a refusal stays one, and the service key goes only where the gate is on.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] },
                { tenant_id => 'suspended', namespaces => ['prod'] });
my $Server = HXGate::Server->new->start;
$Server->admin('onboard/suspend', { tenant_id => 'suspended' })->{status} == 200
    or die 'suspend';
$Server->stop;

# A gated location with these directives, and more locations.
sub config {
    my ($inside, $outside) = @_;
    return <<"EOC";
hx_gate_operations hx-sdp;
location /v1/ {
    hx_gate on;
    $inside
}
$outside
EOC
}

our $Proxy = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: try_files to a gated named location
--- config eval
main::config('try_files /nothing @engine;',
             "location \@engine { hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- raw_response_headers_like: X-HX-CUs: 0.1\r\n(?!.*X-HX-CUs)
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 2: the same without a credential
--- config eval
main::config('try_files /nothing @engine;',
             "location \@engine { hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k
--- refused
401 unauthorized Missing API key
--- audit
null GET /v1/get/prod/k null 401 0

=== TEST 3: the service key does not go where the gate is not on
--- config eval
main::config('try_files /nothing @elsewhere;',
             "location \@elsewhere { $::Proxy }")
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /v1/get/prod/k
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 4: in, out and in again
--- config eval
main::config('try_files /nothing /out/x;', "
location /out/ { try_files /nothing \@engine; }
location \@engine { hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /out/x
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 5: from outside into the gate
--- config eval
main::config($::Proxy, 'location /out/ { try_files /nothing /v1/get/prod/k; }')
--- request eval
["GET /out/a", "GET /out/a"]
--- more_headers eval
["X-Api-Key: {key:acme}", "X-Api-Key: {unknown}"]
--- error_code eval
[200, 401]
--- upstream
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

--- audit
acme GET /out/a prod 200 0.1
null GET /out/a null 401 0

=== TEST 6: a refusal stays one in a gated named location
--- config eval
main::config("error_page 401 403 404 405 \@engine; $::Proxy",
             "location \@engine { hx_gate on; $::Proxy }")
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k", "GET /v1/get/other/k",
 "GET /v1/no", "PUT /v1/put"]
--- more_headers eval
["X-A: b", "X-Api-Key: {unknown}", ("X-Api-Key: {key:acme}") x 3]
--- refused
401 unauthorized Missing API key
401 unauthorized Invalid API key
403 forbidden Namespace 'other' not permitted for tenant 'acme'
404 not_found No such operation
405 method_not_allowed Method not allowed
--- audit
null GET /v1/get/prod/k null 401 0
null GET /v1/get/prod/k null 401 0
acme GET /v1/get/other/k other 403 0
acme GET /v1/no null 404 0
acme PUT /v1/put null 405 0

=== TEST 7: a refusal stays one at a gated address, whatever status it was given
--- config eval
main::config("error_page 401 403 =200 /v1/get/prod/k; $::Proxy", '')
--- request eval
["GET /v1/get/prod/x", "GET /v1/get/prod/x", "GET /v1/get/other/x"]
--- more_headers eval
["X-A: b", "X-Api-Key: {key:suspended}", "X-Api-Key: {key:acme}"]
--- refused
401 unauthorized Missing API key
403 forbidden Tenant 'suspended' is suspended
403 forbidden Namespace 'other' not permitted for tenant 'acme'
--- audit
null GET /v1/get/prod/x null 401 0
suspended GET /v1/get/prod/x null 403 0
acme GET /v1/get/other/x other 403 0

=== TEST 8: a refused client's credential goes nowhere
--- config eval
main::config('error_page 401 403 = @elsewhere;',
             "location \@elsewhere { $::Proxy } underscores_in_headers on;")
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers eval
["X-Api-Key: {key:suspended}\nX-HX-Tenant: evil\nX_HX_Tenant: evil\nX-Other: 1",
 "Authorization: Bearer {unknown}\nX-Other: 1"]
--- error_code eval
[200, 200]
--- response_headers eval
["X-HX-CUs: 0.0", "X-HX-CUs: 0.0"]
--- upstream
GET /v1/get/prod/k
X-Other: 1

GET /v1/get/prod/k
X-Other: 1
--- audit
suspended GET /v1/get/prod/k null 200 0
null GET /v1/get/prod/k null 200 0

=== TEST 9: X-Accel-Redirect to a file
--- config eval
main::config($::Proxy, 'location /files/ { internal; alias html/; }')
--- user_files
>>> blob
from the file
--- request
GET /v1/get/prod/k?_header=X-Accel-Redirect:/files/blob
--- tenant: acme
--- response_body
from the file
--- response_headers
X-HX-CUs: 0.1
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 10: X-Accel-Redirect to a gated address
--- config eval
main::config($::Proxy, '')
--- request
GET /v1/get/prod/k?_header=X-Accel-Redirect:/v1/get/prod/other
--- tenant: acme
--- upstream
GET /v1/get/prod/k?_header=X-Accel-Redirect:/v1/get/prod/other
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- raw_response_headers_like: X-HX-CUs: 0.1\r\n(?!.*X-HX-CUs)
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 11: X-Accel-Redirect out of the gate
--- config eval
main::config($::Proxy, "location /elsewhere { internal; $::Proxy }")
--- request
GET /v1/get/prod/k?_header=X-Accel-Redirect:/elsewhere
--- tenant: acme
--- response_body_unlike: (?i)authorization
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 12: $hx_gate_service_key in the first place only
--- config eval
main::config("proxy_set_header Authorization 'Bearer \$hx_gate_service_key';
    $::Proxy", "location /second { internal; hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k?_header=X-Accel-Redirect:/second
--- tenant: acme
--- response_body_like eval
qr/"Authorization","Bearer $HXGate::ServiceKey"(?!.*"Authorization")/

=== TEST 13: a second engine when the first is down
--- config eval
main::config('error_page 502 = @second;
    proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;',
    "location \@second { hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *
--- response_headers
X-HX-CUs: 0.1
--- error_log
connect() failed
--- audit
acme GET /v1/get/prod/k prod 200 0.1

=== TEST 14: a page in place of the engine's error
--- config eval
main::config("proxy_intercept_errors on; error_page 404 =200 /none.txt;
    $::Proxy", 'location = /none.txt { root html; }')
--- user_files
>>> none.txt
nothing
--- request
GET /v1/get/prod/k?_status=404
--- tenant: acme
--- response_body
nothing
--- response_headers
X-HX-CUs: 0.0
--- audit
acme GET /v1/get/prod/k prod 200 0

=== TEST 15: a body that nginx gave up after the gate had begun to read it
--- config eval
main::config("client_max_body_size 1k; error_page 413 \@engine; $::Proxy",
    "location \@engine { hx_gate on; client_max_body_size 1k; $::Proxy }")
--- raw_request eval
["POST /v1/put HTTP/1.1\r\nHost: a\r\nX-Api-Key: $HXGate::Key{acme}\r
Connection: close\r\nTransfer-Encoding: chunked\r\n\r
10\r\n{\"namespace\":\"pr\r\n", "800\r\n" . "x" x 0x800 . "\r\n0\r\n\r\n"]
--- raw_request_middle_delay: 0.2
--- refused
413 too_large Request body exceeds maximum size of 1024 bytes
--- error_log
intended to send too large chunked body
--- audit
acme POST /v1/put null 413 0

=== TEST 16: post_action
--- config eval
main::config("post_action \@after; $::Proxy",
             "location \@after { hx_gate on; $::Proxy }")
--- request
GET /v1/get/prod/k
--- tenant: acme
--- audit
acme GET /v1/get/prod/k prod 200 0.1
