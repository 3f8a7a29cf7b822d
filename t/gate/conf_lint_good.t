# nginx -t says nothing about configurations that are as they should be: ways to
# listen, each with ways to use the gate and with what else there is in nginx's
# files; and the configuration that comes with the module.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $dir = $HXGate::Dir;
my ($port, $more, $third) = map { HX::port($_) } 3, 4, 5;

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
       . "-days 30 -subj /CN=x -keyout '$dir/tls.key' -out '$dir/tls.crt' "
       . '2>/dev/null') == 0 or die 'openssl';
HXGate::spew("$dir/users", "a:{PLAIN}b\n");
mkdir "$dir/www" or die $!;
HXGate::spew("$dir/params", join '', map { "fastcgi_param $_;\n" }
             'QUERY_STRING $query_string', 'REQUEST_METHOD $request_method',
             'CONTENT_TYPE $content_type', 'REMOTE_ADDR $remote_addr',
             'SCRIPT_NAME $fastcgi_script_name', 'REQUEST_URI $request_uri');

my $tls = "ssl_certificate $dir/tls.crt; ssl_certificate_key $dir/tls.key;";
my %Listen = (
    loopback => "listen 127.0.0.1:$port;",
    socket => "listen unix:$dir/gate.sock;",
    tls => "listen $port ssl; $tls",
    http2 => HX::listen_http2("$port ssl") . " $tls ssl_protocols TLSv1.2 TLSv1.3; "
        . 'ssl_session_tickets off; ssl_ciphers HIGH:!aNULL:!MD5;',
    behind => "listen $port proxy_protocol; real_ip_header proxy_protocol; "
        . 'set_real_ip_from 10.0.0.0/8;',
    tls_and_redirect => "listen $port; listen $more ssl; $tls "
        . 'if ($scheme = http) { return 308 https://$host$request_uri; }',
    behind_one_that_says => "listen $port; if (\$http_x_forwarded_proto != https) "
        . '{ return 308 https://$host$request_uri; }',
);

my $engine = 'proxy_pass http://engine;';
my $gate = "location /v1/ { hx_gate on; $engine }";
my $upstream = 'upstream engine { zone engine 64k; server 127.0.0.1:8000 '
    . 'max_fails=0; server 127.0.0.1:8001 backup; keepalive 32; }';
my $headers = 'proxy_http_version 1.1; proxy_set_header Connection ""; '
    . 'proxy_set_header Host engine; proxy_set_header X-Forwarded-For '
    . '$proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;';

# name => [server, http]
my %Use = (
    plain => [$gate],
    whole_server => ["hx_gate on; $headers location / { $engine }"],
    of_http => ["location / { $engine }", 'hx_gate on;'],
    headers => ["$headers $gate"],
    headers_of_the_gate => ["location /v1/ { hx_gate on; $headers "
        . 'proxy_set_header Authorization "Bearer $hx_gate_service_key"; '
        . 'proxy_set_header X-HX-Tenant $hx_gate_tenant; '
        . 'proxy_set_header X-HX-Namespace $hx_gate_namespace; '
        . "proxy_set_header X-Request-Id \$hx_gate_request_id; $engine }"],
    admin_and_health => ["$gate location /gate/ { allow 127.0.0.1; deny all; "
        . 'hx_gate_admin; } location = /gate/usage { hx_gate_admin; } '
        . 'location = /health { hx_gate_health; } '
        . 'location = /ready { hx_gate_ready; } location = /metrics '
        . '{ allow 127.0.0.1; deny all; hx_gate_metrics; }'],
    nested => ["location /v1/ { hx_gate on; $engine location /v1/put { "
        . "client_max_body_size 135m; $engine } location /v1/get/ { "
        . "proxy_buffering on; $engine } }"],
    operations => ['hx_gate_operation read GET "/v1/{ns}/{key}" cost=0.2; '
        . 'hx_gate_operation write PUT "/v1/{ns}/{key}" scope=write; '
        . 'hx_gate_operation find POST /v1/find namespace=body; '
        . 'hx_gate_operation any GET "~/v1/(?<ns>[a-z]+)/x/(?<key>.+)"; '
        . "$gate"],
    own_locations => ['location /a/ { hx_gate on; hx_gate_operation a GET '
        . "\"/a/{ns}/{key}\"; $engine } location = /b { hx_gate on; "
        . "hx_gate_operation b POST /b namespace=body; $engine }"],
    cache_by_tenant => ["location /v1/ { hx_gate on; proxy_cache c; "
        . 'proxy_cache_key "$hx_gate_tenant $request_uri"; '
        . 'proxy_cache_valid 200 1m; proxy_cache_lock on; '
        . "add_header X-Cache \$upstream_cache_status; $engine }",
        "proxy_cache_path $dir/cache levels=1:2 keys_zone=c:1m inactive=1m;"],
    cache_of_gets => ["location /v1/ { hx_gate on; proxy_cache c; $engine }",
        "proxy_cache_path $dir/cache keys_zone=c:1m;"],
    site_beside => ["$gate root $dir/www; index index.html; "
        . 'location / { try_files $uri $uri/ /index.html; expires 1h; '
        . 'add_header Cache-Control public; } '
        . 'location ~* \.(css|js|png)$ { expires max; access_log off; } '
        . 'location ~ /\. { deny all; } autoindex off;'],
    app_beside => ["$gate location / { proxy_pass http://127.0.0.1:3000; "
        . 'proxy_set_header Authorization $http_authorization; '
        . 'proxy_set_header X-Api-Key $http_x_api_key; '
        . 'proxy_set_header X-Request-Id $request_id; proxy_cache c; '
        . 'proxy_method GET; proxy_set_body x; }',
        "proxy_cache_path $dir/cache keys_zone=c:1m;"],
    php_beside => ["$gate location ~ \\.php\$ { include $dir/params; "
        . 'fastcgi_pass 127.0.0.1:9000; fastcgi_param HTTP_AUTHORIZATION '
        . '$http_authorization; }'],
    login_beside => ["$gate location /docs/ { auth_basic docs; "
        . "auth_basic_user_file $dir/users; satisfy any; allow 10.0.0.0/8; "
        . "deny all; alias $dir/www/; autoindex on; }"],
    websocket_beside => ["$gate location /ws/ { proxy_http_version 1.1; "
        . 'proxy_set_header Upgrade $http_upgrade; '
        . 'proxy_set_header Connection $connection_upgrade; '
        . 'proxy_pass http://127.0.0.1:3001; }',
        'map $http_upgrade $connection_upgrade { default upgrade; "" close; }'],
    health_of_the_engine => ["$gate location = /engine-health { "
        . 'proxy_pass http://engine/health; }'],
    grpc => ['location /v1/ { hx_gate on; grpc_pass grpc://engine; '
        . 'grpc_set_header X-Via gate; grpc_next_upstream error; }'],
    fastcgi => ["location /v1/ { hx_gate on; include $dir/params; "
        . 'fastcgi_pass engine; fastcgi_param X $hx_gate_tenant; }'],
    uwsgi => ['location /v1/ { hx_gate on; uwsgi_pass engine; '
        . 'uwsgi_param A b; }'],
    scgi => ['location /v1/ { hx_gate on; scgi_pass engine; }'],
    by_socket => ['location /v1/ { hx_gate on; '
        . 'proxy_pass http://unix:/run/engine.sock:/; }'],
    by_variable => ['location /v1/ { hx_gate on; proxy_pass http://$node; }',
        'map $hx_gate_tenant $node { default engine; }'],
    rewritten => ['location /api/ { hx_gate on; '
        . "rewrite ^/api(/.*) \$1 break; $engine }"],
    prefix_cut => ["location /v1/ { hx_gate on; proxy_pass http://engine/v1/; }"],
    regex_location => ["location ~ ^/v(?<v>[12])/ { hx_gate on; $engine }"],
    conditions => ["location /v1/ { hx_gate on; $engine "
        . 'if ($request_method = TRACE) { return 405; } '
        . 'if ($arg_slow) { set $limit_rate 10k; } '
        . 'limit_except GET POST DELETE { deny all; } }'],
    networks => ["allow 10.0.0.0/8; deny all; $gate"],
    both_ask => ["location /v1/ { hx_gate on; satisfy all; allow all; "
        . "auth_request /ask; $engine } location = /ask { internal; "
        . 'proxy_pass http://127.0.0.1:3002; proxy_pass_request_body off; }'],
    origins => ["hx_gate_cors https://a.example https://b.example:8443 "
        . "max_age=1h; $gate location /pub/ { add_header "
        . 'Access-Control-Allow-Origin *; return 200; }'],
    limits => ["limit_req zone=r burst=10 nodelay; limit_conn c 100; "
        . "hx_gate_rate_limit_fields on; hx_gate_billing on; $gate",
        'limit_req_zone $binary_remote_addr zone=r:1m rate=10r/s; '
        . 'limit_conn_zone $server_name zone=c:1m; hx_gate_plan big '
        . 'requests=10 window=1s quota=unlimited; '
        . 'hx_gate_default_rate_limit requests=5 window=1s;'],
    no_limits => ["hx_gate_rate_limit off; $gate"],
    bodies => ["client_max_body_size 64k; location /v1/ { hx_gate on; "
        . 'client_max_body_size 135m; client_body_buffer_size 128k; '
        . "client_body_in_file_only clean; $engine }"],
    small_bodies => ["client_max_body_size 15m; hx_gate_max_upload 10m; $gate"],
    logged => ["access_log $dir/access.log json buffer=32k; $gate "
        . "error_log $dir/error.log warn;",
        'log_format json escape=json \'{"t":"$time_iso8601","s":$status,'
        . '"tenant":"$hx_gate_tenant","o":"$hx_gate_outcome",'
        . '"agent":"$http_user_agent"}\';'],
    recorded => ["hx_gate_audit_log $dir/more.jsonl durability=write required "
        . "extended flush=1s; $gate"],
    error_pages => ["error_page 404 /404.html; error_page 502 503 504 = \@down; "
        . "location = /404.html { root $dir/www; } location \@down { "
        . "return 503 '{\"detail\":\"closed\"}'; } $gate"],
    refusals => ["location /v1/ { hx_gate on; $engine "
        . 'error_page 401 @login; } location @login { return 401 "no"; }'],
    tried_first => ["location /v1/ { hx_gate on; try_files /closed \@engine; } "
        . "location \@engine { hx_gate on; $engine }"],
    compressed => ["gzip on; gzip_types application/json; gunzip on; $gate "
        . 'sub_filter_types *; add_header X-Tenant $hx_gate_tenant always;'],
    not_kept => ["add_header Cache-Control no-store always; expires -1; $gate"],
    copied => ["location /v1/ { hx_gate on; mirror /copy; $engine } "
        . 'location = /copy { internal; return 204; }'],
    off_in_part => ["hx_gate on; location /v1/ { $engine } "
        . "location /static/ { hx_gate off; root $dir/www; } "
        . 'location / { hx_gate off; return 404; }'],
    all_of_http_and_a_redirect => ["location / { $engine }", 'hx_gate on; '
        . "server { listen $third default_server; hx_gate_operations hx-sdp; "
        . 'return 301 https://$host$request_uri; }'],
    all_of_http_and_a_certificate => ["location / { $engine }", 'hx_gate on; '
        . "server { listen $third default_server; hx_gate_operations hx-sdp; "
        . "location ^~ /.well-known/acme-challenge/ { root $dir/www; "
        . 'hx_gate off; } location / { return 301 https://$host$request_uri; } '
        . '}'],
    whole_server_and_pages => ["hx_gate on; location /v1/ { $engine } "
        . 'location = /healthz { return 200 ok; } location = /favicon.ico '
        . '{ return 204; } location = /robots.txt { return 200; } location '
        . '/docs { return 301 https://docs.example.com$request_uri; } '
        . 'location / { return 404; }'],
    lists => ['if ($bad) { return 403; } ' . $gate,
        'geo $bad { default 0; 192.0.2.0/24 1; } '
        . 'split_clients "$remote_addr" $half { 50% a; * b; } '
        . 'map $host $site { hostnames; default x; *.example.com y; }'],
    other_server => [$gate, "server { listen 127.0.0.1:$more; "
        . 'location / { proxy_pass http://127.0.0.1:1; '
        . 'proxy_set_header Authorization $http_authorization; '
        . 'satisfy any; expires max; ssi on; } }'],
    tls_to_the_engine => ["location /v1/ { hx_gate on; proxy_ssl_verify on; "
        . "proxy_ssl_trusted_certificate $dir/tls.crt; proxy_ssl_name engine; "
        . 'proxy_ssl_protocols TLSv1.2 TLSv1.3; '
        . 'proxy_pass https://192.0.2.10:8443; }'],
);

my $n = 0;
for my $use (sort keys %Use) {
    my ($server, $http) = @{ $Use{$use} };
    # a table of operations is the rule; "operations" has its own
    my $set = $server =~ /hx_gate_operation / ? '' : 'hx_gate_operations hx-sdp;';
    for my $listen (sort keys %Listen) {
        my ($code, $text) = conf_text(http => join "\n", $upstream, $http // '',
            "server {\nserver_name api.example.com;\n$Listen{$listen}\n$set\n"
            . "$server\n}");
        my @said = grep { !/ syntax is ok$| test is successful$/ }
            split /\n/, $text;
        is_deeply([$code, @said], [0], "$use, $listen");
        $n++;
    }
}
cmp_ok($n, '>=', 100, 'at least 100 good configurations');

# The files that come with the module, where this machine can read them.
{
    my $from = "$HX::Top/nginx-conf";
    my %is = ('/var/lib/hx-gate/registry' => "$dir/registry",
              '/etc/hx-gate/service.key' => "$dir/service.key",
              '/var/log/hx-gate/audit.jsonl' => "$dir/audit.jsonl",
              '/etc/hx-gate/tls' => "$dir/tls",
              'hx-gate/snippets/' => "$from/snippets/",
              'listen                      443 ssl http2;'
                  => HX::listen_http2("$port ssl"),
              '127.0.0.1:9145' => "127.0.0.1:$more");
    my $files = join "\n", map { HXGate::slurp("$from/hx-gate$_.conf") }
        '', '-server', '-metrics';
    for my $text (sort keys %is) {
        like($files, qr/\Q$text\E/, "$text is there");
        $files =~ s/\Q$text\E/$is{$text}/g;
    }
    conf_good('the configuration that comes with the module', zone => '',
              registry => '', key => '', audit => '', server => 'return 404;',
              http => $files);
}

done_testing;
