# The admin plane: who may call it, how, and what it leaves in the audit trail.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

our $Large = '{"tenant_id":"big","email":"' . 'x' x 70_000 . '"}';
our $Chunked = sprintf "POST /gate/onboard/create HTTP/1.1\r\nHost: x\r\n"
    . "Authorization: Bearer {service}\r\nTransfer-Encoding: chunked\r\n"
    . "Connection: close\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", length $Large, $Large;
our $Form = "Content-Type: application/x-www-form-urlencoded";

HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections();
no_long_string();
run_tests();

__DATA__

=== TEST 1: without the service key, before anything else is looked at
--- request eval
["GET /gate/admin/tenants", "DELETE /gate/onboard/create", "POST /gate/nothing",
 "POST /gate/onboard/create\nnot JSON"]
--- refused
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key
401 unauthorized Invalid service key
--- audit
null GET /gate/admin/tenants null 401 0
null DELETE /gate/onboard/create null 401 0
null POST /gate/nothing null 401 0
null POST /gate/onboard/create null 401 0

=== TEST 2: no such call
--- request eval
["POST /gate/onboard/", "POST /gate/onboard/created\n{}",
 "POST /gate/onboard/create/\n{}", "POST /gate/onboard/Create\n{}",
 "GET /gate/", "GET /gate/admin", "GET /gate/admin/tenantsx",
 "GET /gate/admin/usages", "POST /gate/onboard/create%00\n{}"]
--- service
--- error_code eval
[(404) x 8, 400]

=== TEST 3: the text of a 404
--- request
POST /gate/onboard/created
--- service
--- error_code: 404
--- response_body_like: ^\{"detail":"No such operation","error":"not_found","request_id":"[^"]+"\}$
--- audit
null POST /gate/onboard/created null 404 0

=== TEST 4: the wrong method
--- request eval
["GET /gate/onboard/create", "PUT /gate/onboard/delete\n{}",
 "DELETE /gate/onboard/delete", "POST /gate/admin/tenants\n{}",
 "DELETE /gate/admin/tenants/acme"]
--- service
--- error_code eval
[(405) x 5]
--- response_headers_like eval
[("Allow: POST") x 3, ("Allow: GET(, HEAD)?") x 2]
--- response_body_like eval
[(qr/^\{"detail":"Method not allowed","error":"method_not_allowed",/) x 5]

=== TEST 5: a body that is not declared as JSON
--- request
POST /gate/onboard/create
tenant_id=new
--- service
--- more_headers eval: $::Form
--- error_code: 415
--- response_body_like: ^\{"detail":"Content-Type must be application/json","error":"unsupported_media_type",

=== TEST 6: an encoded body
--- request
POST /gate/onboard/create
{"tenant_id":"new"}
--- service
--- more_headers
Content-Encoding: gzip
--- error_code: 415
--- response_body_like: "error":"unsupported_media_type"

=== TEST 7: more than 65536 bytes, by length
--- request eval
"POST /gate/onboard/create\n$::Large"
--- service
--- error_code: 413
--- response_body_like: ^\{"detail":"Request body exceeds 65536 bytes","error":"too_large",

=== TEST 8: more than 65536 bytes, chunked
--- raw_request eval: $::Chunked
--- error_code: 413
--- response_body_like: ^\{"detail":"Request body exceeds 65536 bytes","error":"too_large",

=== TEST 9: bad identifiers in the path
--- request eval
["GET /gate/admin/tenants/", "GET /gate/admin/tenants/a%20b",
 "GET /gate/admin/tenants/a/b", "GET /gate/admin/tenants/" . "x" x 65]
--- service
--- error_code eval
[(400) x 4]
--- response_body_like eval
[(qr/^\{"detail":"Invalid tenant_id","error":"invalid_request",/) x 4]

=== TEST 10: nobody of that name
--- request
GET /gate/admin/tenants/nobody
--- service
--- error_code: 404
--- response_body_like: ^\{"detail":"Tenant 'nobody' not found","error":"not_found",
--- audit
nobody GET /gate/admin/tenants/nobody null 404 0

=== TEST 11: what was done is on record, with the tenant it was done to
--- request eval
['POST /gate/onboard/add-namespace
{"tenant_id":"acme","namespace":"staging"}',
'POST /gate/onboard/suspend
{"tenant_id":"acme"}',
'POST /gate/onboard/create
{"tenant_id":"acme"}',
'POST /gate/onboard/create
{"tenant_id":"fresh"}',
'POST /gate/onboard/delete
{"tenant_id":"fresh","really":true}',
'GET /gate/admin/tenants/acme?x=1',
'GET /gate/admin/tenants?limit=1']
--- service
--- error_code eval
[200, 200, 409, 201, 400, 200, 200]
--- audit
acme POST /gate/onboard/add-namespace null 200 0
acme POST /gate/onboard/suspend null 200 0
acme POST /gate/onboard/create null 409 0
fresh POST /gate/onboard/create null 201 0
fresh POST /gate/onboard/delete null 400 0
acme GET /gate/admin/tenants/acme null 200 0
null GET /gate/admin/tenants null 200 0

=== TEST 12: a request id of the operator's is kept, on record too
--- request
GET /gate/admin/tenants
--- service
--- more_headers
X-Request-Id: change-4711
--- response_headers
X-Request-Id: change-4711

=== TEST 13: HEAD
--- request
HEAD /gate/admin/tenants
--- service
--- response_body
--- error_code: 200
