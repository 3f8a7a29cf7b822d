# "satisfy any" would let an "allow" override the gate: an error of nginx -t.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: in the gated location
--- config eval
HXGate::config(gate => 'satisfy any; allow all;')
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"satisfy any" where "hx_gate" is on would let other access rules override its refusals

=== TEST 2: inherited
--- config eval
HXGate::config() . 'satisfy any;'
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"satisfy any" where "hx_gate" is on

=== TEST 3: in an "if" of it
--- http_config eval
HXGate::http_config() . 'satisfy any;'
--- config eval
HXGate::config(gate => 'satisfy all; if ($arg_a) { set $b 1; }')
--- request
GET /v1/get/prod/k?a=1
--- refused
401 unauthorized Missing API key

=== TEST 4: in a nested location that inherits the gate
--- config eval
HXGate::config(gate => 'location /v1/x { satisfy any; allow all; }')
--- must_die
--- suppress_stderr
--- error_log
[emerg]
"satisfy any" where "hx_gate" is on

=== TEST 5: elsewhere it is allowed
--- config eval
HXGate::config() . 'location /open { satisfy any; allow all; return 204; }'
--- request
GET /open
--- error_code: 204

=== TEST 6: "allow" alone opens nothing
--- config eval
HXGate::config(gate => 'allow all;')
--- request
GET /v1/get/prod/k
--- refused
401 unauthorized Missing API key

=== TEST 7: "deny" closes to those the gate lets in
--- config eval
HXGate::config(gate => 'deny all;')
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
403 forbidden Forbidden
--- error_log
access forbidden by rule

=== TEST 8: a password in front of the gate
--- config eval
HXGate::config(gate => "auth_basic x; auth_basic_user_file $HXGate::Dir/users;")
--- init
HXGate::spew("$HXGate::Dir/users", "user:{PLAIN}pass\n");
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers eval
["Authorization: Basic dXNlcjpwYXNz",
 "X-Api-Key: {key:acme}\nAuthorization: Basic dXNlcjp4"]
--- refused
401 unauthorized Missing API key
401 unauthorized Unauthorized
