# One path, two operations: the member "mode" of a serve's body decides which
# it is, and with it what it costs.
use lib 't/lib'; use HX; use HXGate;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });
our $Config = HXGate::config(
    gate => 'add_header X-Operation $hx_gate_operation always;');
our $Big = 'x' x 5000;
add_block_preprocessor(sub { $_[0]->set_value('config', $::Config) });
HXGate::blocks();
no_long_string();
run_tests();

__DATA__

=== TEST 1: gpu, before and after other members, escaped
--- tenant: acme
--- request eval
['POST /v1/serve
{"mode":"gpu","key":"a"}',
'POST /v1/serve
{"key":"a","namespace":"prod","mode":"gpu"}',
'POST /v1/serve
{"key":"a","m\u006fde":"g\u0070u"}']
--- response_headers eval
[("X-Operation: serve_gpu\nX-HX-CUs: 2.0") x 3]
--- error_code eval
[200, 200, 200]

=== TEST 2: anything else is a plain serve
--- tenant: acme
--- request eval
['POST /v1/serve
{"key":"a"}',
'POST /v1/serve
{"mode":"dense"}',
'POST /v1/serve
{"mode":"GPU"}',
'POST /v1/serve
{"mode":""}',
'POST /v1/serve
{"mode":"gpu "}',
'POST /v1/serve
{"options":{"mode":"gpu"}}',
"POST /v1/serve
{\"mode\":\"gpu$::Big\"}"]
--- response_headers eval
[("X-Operation: serve\nX-HX-CUs: 0.5") x 7]
--- error_code eval
[(200) x 7]

=== TEST 3: free when there is no GPU
--- tenant: acme
--- request eval
['POST /v1/serve?_status=501
{"mode":"gpu"}',
'POST /v1/serve?_status=404
{"mode":"gpu"}',
'POST /v1/serve?_status=304
{"mode":"gpu"}']
--- response_headers eval
["X-Operation: serve_gpu\nX-HX-CUs: 0.0",
 "X-Operation: serve_gpu\nX-HX-CUs: 0.0",
 "X-Operation: serve_gpu\nX-HX-CUs: 2.0"]
--- error_code eval
[501, 404, 304]

=== TEST 4: no other operation has modes
--- tenant: acme
--- request eval
['POST /v1/put
{"mode":"gpu","namespace":"prod"}',
'POST /v1/search
{"mode":"gpu"}']
--- response_headers eval
["X-Operation: put\nX-HX-CUs: 1.0", "X-Operation: search\nX-HX-CUs: 0.5"]
