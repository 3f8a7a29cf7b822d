# A key that fails its checksum costs no look-up: with a registry that no
# worker can read it is 401 all the same, while whoever might have a good key
# is told 503, never 401.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });

mkdir "$HXGate::Dir/locked";
chmod 0, "$HXGate::Dir/locked";

our $Locked = HXGate::http_config(registry => "lmdb:$HXGate::Dir/locked");
our $Damaged = $HXGate::Key{acme} =~ s/.$/_/r;

HXBlock::sections();
run_tests();

chmod 0755, "$HXGate::Dir/locked";

__DATA__

--- error_log
[crit]
cannot be opened, requests get 503

=== TEST 1: a wrong checksum
--- http_config eval: $::Locked
--- request
GET /v1/get/prod/k
--- more_headers eval: "X-Api-Key: $::Damaged"
--- refused
401 unauthorized Invalid API key
--- error_log
[crit]
cannot be opened, requests get 503

=== TEST 2: no key
--- http_config eval: $::Locked
--- request
GET /v1/get/prod/k
--- refused
401 unauthorized Missing API key
--- error_log
[crit]
cannot be opened, requests get 503

=== TEST 3: a good key
--- http_config eval: $::Locked
--- request
GET /v1/get/prod/k
--- tenant: acme
--- refused
503 unavailable Service is temporarily unavailable
--- response_headers
Retry-After: 1
--- error_log
[crit]
cannot be opened, requests get 503

=== TEST 4: a key that nobody has
--- http_config eval: $::Locked
--- request
GET /v1/get/prod/k
--- more_headers
X-Api-Key: {unknown}
--- refused
503 unavailable Service is temporarily unavailable
--- error_log
[crit]
cannot be opened, requests get 503

=== TEST 5: any printable key has to be looked up where keys have no checksum
--- http_config eval: $::Locked
--- config eval
HXGate::config(gate => 'hx_gate_key_format any;')
--- request
GET /v1/get/prod/k
--- more_headers eval: "X-Api-Key: $::Damaged"
--- refused
503 unavailable Service is temporarily unavailable
--- error_log
[crit]
cannot be opened, requests get 503
