# The service key is for the admin plane and the engine, API keys for the data
# plane: neither opens the other's door.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections();
run_tests();

__DATA__

=== TEST 1: the service key on the data plane
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers eval
["Authorization: Bearer {service}", "X-Api-Key: {service}"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 2: the service key on the data plane, where keys have no checksum
--- config eval
HXGate::config(gate => 'hx_gate_key_format any;')
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/prod/k"]
--- more_headers eval
["Authorization: Bearer {service}", "X-Api-Key: {service}"]
--- refused
401 unauthorized Invalid API key
401 unauthorized Invalid API key

=== TEST 3: an API key beside the service key
--- request
GET /v1/get/prod/k
--- more_headers
Authorization: Bearer {service}
X-Api-Key: {key:acme}
--- upstream
GET /v1/get/prod/k
Authorization: Bearer {service}
X-HX-Tenant: acme
X-HX-Namespace: prod
X-Request-Id: *

=== TEST 4: an API key on the admin plane
--- request eval
["GET /gate/admin/tenants", "GET /gate/admin/tenants", "GET /gate/admin/tenants/acme"]
--- more_headers eval
["X-Api-Key: {key:acme}", "Authorization: Bearer {key:acme}",
 "Authorization: Bearer {unknown}"]
--- refused
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key
--- response_headers eval
[("WWW-Authenticate: Bearer\n! X-HX-CUs") x 3]

=== TEST 5: the service key is taken from Authorization only
--- request eval
["GET /gate/admin/tenants", "GET /gate/admin/tenants", "GET /gate/admin/tenants"]
--- more_headers eval
["X-Api-Key: {service}", "Authorization: {service}",
 "Authorization: Basic {service}"]
--- refused
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key

=== TEST 6: almost the service key
--- request eval
[("GET /gate/admin/tenants") x 4]
--- more_headers eval
["Authorization: Bearer {service}x", "Authorization: Bearer x{service}",
 "Authorization: Bearer " . substr($HXGate::ServiceKey, 1),
 "Authorization: Bearer " . uc $HXGate::ServiceKey]
--- refused
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key

=== TEST 7: the service key on the admin plane
--- request
GET /gate/admin/tenants
--- more_headers
Authorization: Bearer {service}
--- error_code: 200
--- response_body_like: "tenant_id":"acme"

=== TEST 8: a credential for the data plane is not passed to the admin plane
--- request eval
["GET /v1/../gate/admin/tenants", "GET /gate/../v1/get/prod/k"]
--- more_headers eval
["X-Api-Key: {key:acme}", "Authorization: Bearer {service}"]
--- refused
401 unauthorized Invalid service key
401 unauthorized Invalid API key
