# $hx_gate_* in logs, headers and maps.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'],
                  plan => 'builder' },
                { tenant_id => 'gone', namespaces => ['prod'] });
my $Server = HXGate::Server->new->start;
$Server->admin('onboard/suspend', { tenant_id => 'gone' })->{status} == 200
    or die 'suspend';
$Server->stop;

our $Format = HXGate::http_config() . q{
    log_format gate "<$hx_gate_outcome|$hx_gate_tenant|$hx_gate_plan|"
        "$hx_gate_namespace|$hx_gate_operation|$hx_gate_cus|"
        "$hx_gate_request_id>";
};
our $Log = 'access_log logs/access.log gate;';

HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: granted
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
GET /v1/get/prod/k
--- tenant: acme
--- more_headers
X-Request-Id: mine
--- access_log
<allowed|acme|builder|prod|get|0.1|mine>

=== TEST 2: granted, not charged
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
GET /v1/get/prod/k?_status=404
--- tenant: acme
--- more_headers
X-Request-Id: mine
--- error_code: 404
--- access_log
<allowed|acme|builder|prod|get|0.0|mine>

=== TEST 3: no key
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
GET /v1/get/prod/k
--- more_headers
X-Request-Id: mine
--- error_code: 401
--- access_log
<missing_key|-|-|-|-|0.0|mine>

=== TEST 4: a bad key
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
GET /v1/get/prod/k
--- more_headers
X-Request-Id: mine
X-Api-Key: {unknown}
--- error_code: 401
--- access_log
<invalid_key|-|-|-|-|0.0|mine>

=== TEST 5: suspended
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
GET /v1/get/prod/k
--- tenant: gone
--- more_headers
X-Request-Id: mine
--- error_code: 403
--- access_log
<suspended|gone|starter|-|-|0.0|mine>

=== TEST 6: a foreign namespace
--- http_config eval: $::Format
--- config eval
HXGate::config() . $::Log
--- request
POST /v1/serve
{"namespace":"other","mode":"gpu"}
--- tenant: acme
--- more_headers
X-Request-Id: mine
--- error_code: 403
--- access_log
<namespace_denied|acme|builder|other|serve_gpu|0.0|mine>

=== TEST 7: no operation, another method, a bad request
--- config eval
HXGate::config(gate => 'add_header X-Seen
    "$hx_gate_outcome|$hx_gate_operation|$hx_gate_namespace" always;')
--- request eval
["GET /v1/x", "PUT /v1/put", "POST /v1/put\n[", "GET /v1/get/p.d/k",
 "GET /v1/get/prod/%25", "DELETE /v1/delete/prod/a;b"]
--- tenant: acme
--- error_code eval
[404, 405, 400, 400, 400, 400]
--- response_headers eval
["X-Seen: unknown_operation||", "X-Seen: method_not_allowed||",
 "X-Seen: invalid_request|put|", "X-Seen: invalid_request|get|",
 "X-Seen: invalid_request||", "X-Seen: invalid_request|delete|"]

=== TEST 8: outside the gate there is nothing
--- http_config eval: $::Format
--- config eval
HXGate::config() . "location /open { $::Log return 204; }"
--- request
GET /open
--- tenant: acme
--- error_code: 204
--- access_log
<-|-|-|-|-|-|->

=== TEST 9: asked for before the gate has run, they are not kept
--- http_config eval
HXGate::http_config() . 'map "$hx_gate_tenant:$hx_gate_plan" $who {
    default nobody; ":" early; "acme:builder" acme; }'
--- config eval
HXGate::config(gate => 'set $early "$hx_gate_tenant|$hx_gate_request_id|$hx_gate_outcome|$hx_gate_cus|$hx_gate_operation";
    add_header X-Seen "<$early><$hx_gate_tenant|$hx_gate_outcome>" always;
    add_header X-Who $who;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- response_headers
X-Seen: <||-||><acme|allowed>
X-Who: acme

=== TEST 10: in a header to the upstream
--- config eval
HXGate::config(gate => 'proxy_set_header X-Plan $hx_gate_plan;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- upstream
GET /v1/get/prod/k
X-Plan: builder
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 11: $hx_gate_service_key is empty for whoever is not let in
--- config eval
HXGate::config(gate => 'error_page 401 403 = @refused;')
    . 'location @refused { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
           proxy_set_header X-Seen "<$hx_gate_service_key>"; }'
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/other/k"]
--- more_headers eval
["X-A: b", "X-Api-Key: {key:acme}"]
--- response_body_like eval
[qr/"X-Seen","<>"/, qr/"X-Seen","<>"/]
