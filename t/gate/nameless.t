# "if" and "limit_except" make locations without a name inside ours: what holds
# for ours holds there.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

our $Config = HXGate::config();
$Config =~ s{hx_gate_admin;}
            {hx_gate_admin; if (\$arg_x) { set \$y 1; }};
our $Limited = HXGate::config();
$Limited =~ s{hx_gate_admin;}
             {hx_gate_admin; limit_except GET { allow all; }};
our $Gated = HXGate::config(gate => 'if ($arg_x) { set $y 1; }');

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections();
no_long_string();
run_tests();

__DATA__

=== TEST 1: the admin plane inside an if
--- config eval: $::Config
--- request eval
["GET /gate/admin/tenants/acme?x=1", "GET /gate/admin/tenants/acme"]
--- service
--- error_code eval
[200, 200]
--- audit
acme GET /gate/admin/tenants/acme null 200 0
acme GET /gate/admin/tenants/acme null 200 0

=== TEST 2: the service key is asked for inside an if
--- config eval: $::Config
--- request
GET /gate/admin/tenants?x=1
--- tenant: acme
--- refused
401 unauthorized Invalid service key
--- audit
null GET /gate/admin/tenants null 401 0

=== TEST 3: the admin plane inside a limit_except
--- config eval: $::Limited
--- request eval
["POST /gate/onboard/add-namespace\n{\"tenant_id\":\"acme\",\"namespace\":\"prod\"}",
 "GET /gate/admin/tenants/acme"]
--- service
--- error_code eval
[200, 200]
--- audit
acme POST /gate/onboard/add-namespace null 200 0
acme GET /gate/admin/tenants/acme null 200 0

=== TEST 4: the gate is on inside an if
--- config eval: $::Gated
--- request
GET /v1/get/prod/k?x=1
--- refused
401 unauthorized Missing API key
--- audit
null GET /v1/get/prod/k null 401 0
