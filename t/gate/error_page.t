# Custom error pages inside a gated location are respected.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::Nginx::Socket 'no_plan';

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
HXBlock::sections();
no_root_location();
run_tests();

__DATA__

=== TEST 1: a file
--- config eval
HXGate::config(gate => 'error_page 401 403 /error.html;')
    . 'location = /error.html { root html; }'
--- user_files
>>> error.html
<p>Ask us.</p>
--- request eval
["GET /v1/get/prod/k", "GET /v1/get/other/k"]
--- more_headers eval
["X-A: b", "X-Api-Key: {key:acme}"]
--- error_code eval
[401, 403]
--- response_headers eval
[("X-HX-CUs: 0.0") x 2]
--- response_body eval
["<p>Ask us.</p>\n", "<p>Ask us.</p>\n"]

=== TEST 2: a file of type text/html
--- http_config eval
HXGate::http_config() . 'types { text/html html; }'
--- config eval
HXGate::config(gate => 'error_page 401 /error.html;')
    . 'location = /error.html { root html; }'
--- user_files
>>> error.html
<p>Ask us.</p>
--- request
GET /v1/get/prod/k
--- error_code: 401
--- response_headers
Content-Type: text/html
--- response_body
<p>Ask us.</p>

=== TEST 3: a text by return
--- config eval
HXGate::config(gate => 'error_page 401 @error;')
    . 'location @error { return 401 "ask $hx_gate_outcome\n"; }'
--- request
GET /v1/get/prod/k
--- error_code: 401
--- response_body
ask missing_key

=== TEST 4: a text of type text/html by return
--- config eval
HXGate::config(gate => 'error_page 401 @error;')
    . 'location @error { default_type text/html; return 401 "<p>ask\n"; }'
--- request
GET /v1/get/prod/k
--- error_code: 401
--- response_headers
Content-Type: text/html
--- response_body
<p>ask

=== TEST 5: the same where the address ends in .html
--- http_config eval
HXGate::http_config() . 'types { text/html html; }'
--- config eval
HXGate::config(gate => 'error_page 401 @error;')
    . 'location @error { return 401 "<p>ask\n"; }'
--- request
GET /v1/get/prod/k.html
--- error_code: 401
--- response_headers
Content-Type: text/html
--- response_body
<p>ask

=== TEST 6: nginx's page where the address ends in .html is nginx's
--- request eval
["GET /v1/get/prod/k.html", "GET /v1/get/prod/k.HTML"]
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key

=== TEST 7: the same with types of the operator's own
--- http_config eval
HXGate::http_config() . 'types { text/html html; }'
--- config eval
HXGate::config(gate => 'default_type text/html;')
--- request eval
["GET /v1/get/prod/k.html", "GET /v1/get/prod/k"]
--- refused
401 unauthorized Missing API key
401 unauthorized Missing API key

=== TEST 8: a redirect to a login
--- config eval
HXGate::config(gate => 'error_page 401 = @login;')
    . 'location @login { return 302 https://login.example/; }'
--- request
GET /v1/get/prod/k
--- error_code: 302
--- response_headers
Location: https://login.example/
X-HX-CUs: 0.0
--- audit
null GET /v1/get/prod/k null 302 0

=== TEST 7: an error page that is missing
--- config eval
HXGate::config(gate => 'error_page 401 /none.html;')
    . 'location = /none.html { root html; }'
--- request
GET /v1/get/prod/k
--- refused
404 not_found Not found

=== TEST 8: an error page from another server
--- config eval
HXGate::config(gate => 'error_page 401 /error;')
    . 'location = /error { proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }'
--- request
GET /v1/get/prod/k
--- error_code: 401
--- response_body_like: "target":"/error"
--- response_headers
X-HX-CUs: 0.0

=== TEST 11: another status
--- config eval
HXGate::config(gate => 'error_page 403 =404 @none;')
    . 'location @none { return 404; }'
--- request
GET /v1/get/other/k
--- tenant: acme
--- refused
404 not_found Not found
