# A regular expression of an operator's that would take ages (PCRE2's limit of
# matches ends it).
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

our $Proxy = 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';

HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: an expression that runs away
--- config eval
q|hx_gate_operation x GET "~/v1/(a+)+b/(?<ns>x)";
location /v1/ { hx_gate on; | . "$::Proxy }"
--- request eval
"GET /v1/" . "a" x 3000
--- tenant: acme
--- error_code_like: ^(404|500)$
--- not_forwarded
--- timeout: 2
