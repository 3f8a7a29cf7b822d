# hx_gate_key_format any: 32 to 256 printable characters, as registries
# imported from elsewhere hold them.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections(gate => 'hx_gate_key_format any;');
run_tests();

__DATA__

=== TEST 1: a registered key
--- request
GET /v1/get/prod/k
--- tenant: acme
--- error_code: 200

=== TEST 2: unregistered, of any form
--- request eval
[("GET /v1/get/prod/k") x 4]
--- more_headers eval
["X-Api-Key: " . "a" x 32, "X-Api-Key: " . "~" x 256,
 "X-Api-Key: hx_live_" . "0" x 49, "Authorization: Bearer " . "!" x 40]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 3: too short, too long, unprintable
--- request eval
[("GET /v1/get/prod/k") x 5]
--- more_headers eval
["X-Api-Key: " . "a" x 31, "X-Api-Key: " . "a" x 257,
 "X-Api-Key: " . "a" x 20 . " " . "a" x 20,
 "X-Api-Key: " . "a" x 40 . "\x80", "X-Api-Key: " . "a" x 40 . "\x01"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 4: a value that is no format
--- config eval
HXGate::config(gate => 'hx_gate_key_format some;')
--- must_die
--- suppress_stderr
--- error_log
[emerg]
invalid value "some"
