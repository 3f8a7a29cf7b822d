# nginx -t names what makes the engine get something else than the gate has
# judged, or somebody else get it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $engine = 'proxy_pass http://127.0.0.1:1;';

# The way on of the module whose directive stands first.
sub way_of {
    my ($line) = @_;
    return $line =~ /^(grpc|fastcgi|uwsgi|scgi)_/ ? "${1}_pass 127.0.0.1:1;"
        : $engine;
}

# A gated location with this line, and that way on.
sub line {
    my ($line, %o) = @_;
    my $operations = $o{operations} // 'hx_gate_operations hx-sdp;';
    my $mode = $o{mode} // 'on';
    my $pass = $o{pass} // way_of($line);
    return (server => "$operations\nlocation /v1/ {\n"
            . "hx_gate $mode; @{[$o{more} // '']}\n$line\n$pass\n}",
            at => $line, exists $o{http} ? (http => $o{http}) : ());
}

sub way {
    my ($pass, %o) = @_;
    return line($pass, %o, pass => '');
}

sub off {
    my ($line, $pass) = @_;
    $pass //= 'proxy_pass http://127.0.0.1:2;';
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location /v1/ { hx_gate on; $engine }\n"
            . "location /other/ {\n$line\n$pass }", at => $line);
}

my $path = 'hx_gate_operation up GET "/v1/up/{ns}/{key}";';
my $none = 'hx_gate_operation status GET /v1/status;';

# what the engine gets
conf_bad('another method', '"proxy_method DELETE": the engine would get another '
         . 'method than "hx_gate" has judged', line('proxy_method DELETE;'));
conf_bad('what the client says is the method', '"proxy_method $arg_m": the '
         . 'engine would get another method than "hx_gate" has judged',
         line('proxy_method $arg_m;'));
conf_good('the method', line('proxy_method $request_method;'));
conf_good('another method elsewhere', off('proxy_method GET;'));

my $body = '"proxy_set_body": the engine would get another body than "hx_gate" '
    . 'has read the namespace from';
conf_bad('another body', $body, line('proxy_set_body $arg_body;'));
conf_good('the body', line('proxy_set_body $request_body;'));
conf_good('another body where none counts',
          line('proxy_set_body x;', operations => $path));
conf_good('another body elsewhere', off('proxy_set_body x;'));

for my $who (qw(proxy fastcgi uwsgi scgi)) {
    my $line = "${who}_pass_request_body off;";
    conf_warn("$who: no body", qq("${who}_pass_request_body off" where )
              . '"hx_gate" has an operation with namespace=body: the engine '
              . 'gets no body', line($line));
    conf_good("$who: no body where none counts",
              line($line, operations => $path));
}

# who gets it
my $says = sub { qq("$_[0]" to "$_[1]": the client would say who gets the )
                 . 'service key' };
for my $case (['proxy_pass', 'http://', '$host'],
              ['proxy_pass', 'http://', '$http_host'],
              ['proxy_pass', 'https://', '${arg_to}:8000'],
              ['proxy_pass', 'http://', 'a.$cookie_node.example'],
              ['grpc_pass', 'grpc://', '$http_x_node'])
{
    my ($what, $scheme, $to) = @$case;
    conf_bad("$what to $to", $says->($what, $to), way("$what $scheme$to;"));
    conf_good("$what to $to elsewhere", off('', "$what $scheme$to;"));
}
conf_good('a variable of the operator',
          way('proxy_pass http://$node;', http => 'map $hx_gate_tenant $node '
               . '{ default 127.0.0.1:1; }'));
conf_good('a socket and the path',
          way('proxy_pass http://unix:/run/e.sock:$request_uri;'));
conf_good('the name of the server', way('proxy_pass http://$server_name;'));

my $decoded = sub { qq("proxy_pass $_[0]" sends the decoded path, line breaks )
                    . 'in it too: "$request_uri", or no URI, is what "hx_gate" '
                    . 'has read' };
conf_warn("path $_", $decoded->("http://127.0.0.1:1$_"),
          way("proxy_pass http://127.0.0.1:1$_;"))
    for '$uri', '/x${document_uri}?$args';
conf_good('path $request_uri',
          way('proxy_pass http://127.0.0.1:1$request_uri;'));
conf_good('another path', way('proxy_pass http://127.0.0.1:1/x/;'));
conf_good('path $uri elsewhere',
          off('', 'proxy_pass http://127.0.0.1:2$uri;'));

my $clear = sub { qq("$_[0]" without TLS to "$_[1]": the service key and what )
                  . 'tenants send are in the clear' };
my $peer = sub { "upstream engine { server $_[0]; }" };
for my $host (qw(192.0.2.1:8000 172.32.0.1 172.15.0.1:8 11.0.0.1
                 [2001:db8::1]:8000))
{
    conf_warn("to $host", $clear->('proxy_pass', $host),
              way("proxy_pass http://$host;"));
    my $line = 'proxy_pass http://engine;';
    conf_warn("to $host in an upstream", $clear->('proxy_pass', $host),
              way($line, http => $peer->($host)), at => $line);
    conf_good("to $host elsewhere", off('', "proxy_pass http://$host;"));
}
conf_warn('gRPC', $clear->('grpc_pass', '192.0.2.1:1'),
          way('grpc_pass grpc://192.0.2.1:1;'));
conf_warn('FastCGI', $clear->('fastcgi_pass', '192.0.2.1:1'),
          way('fastcgi_pass 192.0.2.1:1;'));
conf_warn('uwsgi', $clear->('uwsgi_pass', '192.0.2.1:1'),
          way('uwsgi_pass 192.0.2.1:1;'));
conf_warn('SCGI', $clear->('scgi_pass', '192.0.2.1:1'),
          way('scgi_pass 192.0.2.1:1;'));
conf_warn('the second of two', $clear->('proxy_pass', '192.0.2.1'),
          way('proxy_pass http://engine;', http =>
               'upstream engine { server 127.0.0.1:1; server 192.0.2.1; }'),
          at => 'proxy_pass http');
for my $host (qw(127.0.0.1:8000 127.9.9.9 localhost:8000 [::1]:8000 10.1.2.3
                 192.168.0.1:8 172.16.0.1 172.31.9.9:1 172.20.0.1 169.254.0.1
                 [fd00::1]:8000 unix:/run/engine.sock))
{
    conf_good("to $host", way("proxy_pass http://$host;"));
    conf_good("to $host in an upstream",
              way('proxy_pass http://engine;', http => $peer->($host)));
}

my $verify = sub { qq("$_[0]" to "$_[1]" without "proxy_ssl_verify on" or its )
                   . 'like: whoever is on the way gets the service key' };
conf_warn('TLS', $verify->('proxy_pass', '192.0.2.1'),
          way('proxy_pass https://192.0.2.1;'));
conf_warn('TLS in a private network', $verify->('proxy_pass', '10.0.0.1'),
          way('proxy_pass https://10.0.0.1;'));
conf_warn('TLS, said so', $verify->('proxy_pass', '192.0.2.1'),
          way('proxy_pass https://192.0.2.1;',
               more => 'proxy_ssl_verify off;'));
conf_warn('gRPC over TLS', $verify->('grpc_pass', '192.0.2.1:1'),
          way('grpc_pass grpcs://192.0.2.1:1;'));
conf_warn('uwsgi over TLS', $verify->('uwsgi_pass', '192.0.2.1:1'),
          way('uwsgi_pass suwsgi://192.0.2.1:1;'));
conf_good('TLS on this machine', way('proxy_pass https://127.0.0.1:1;'));
conf_good('TLS elsewhere', off('', 'proxy_pass https://192.0.2.1;'));
{
    my $ca = "$HXGate::Dir/ca.pem";
    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
           . "-nodes -days 30 -subj /CN=x -keyout '$ca.key' -out '$ca' "
           . '2>/dev/null') == 0 or die 'openssl';
    conf_good('TLS and who it is',
              way('proxy_pass https://192.0.2.1;', more => 'proxy_ssl_verify '
                   . "on; proxy_ssl_trusted_certificate $ca;"));
    conf_good('gRPC over TLS and who it is',
              way('grpc_pass grpcs://192.0.2.1:1;', more => 'grpc_ssl_verify '
                   . "on; grpc_ssl_trusted_certificate $ca;"));
}

# TLS to it
my $old = sub { qq("$_[0] $_[1]" to the engine: TLS below 1.2 can be broken) };
for my $what (qw(proxy_ssl_protocols grpc_ssl_protocols uwsgi_ssl_protocols)) {
    conf_warn($what, $old->($what, 'TLSv1.1'), line("$what TLSv1.1 TLSv1.2;"));
    conf_good("$what of today", line("$what TLSv1.2 TLSv1.3;"));
    conf_good("$what elsewhere", off("$what TLSv1;"));
}

# answers that are kept
my $zone = sub { "$_[0]_cache_path $HXGate::Dir/cache keys_zone=c:1m;" };
my $mixes = sub { qq("$_[0]" would give one tenant's answer to another: )
                  . qq(operation "$_[1]" has no namespace in the cache's key, )
                  . 'which needs "$hx_gate_tenant"' };
my $post = 'proxy_cache_methods GET HEAD POST;';
conf_bad('no namespace', $mixes->('proxy_cache', 'status'),
         line('proxy_cache c;', operations => $none, http => $zone->('proxy')),
         at => 'proxy_cache c;');
conf_bad('a key without the path', $mixes->('proxy_cache', 'up'),
         line('proxy_cache c;', more => 'proxy_cache_key $args;',
              operations => $path, http => $zone->('proxy')),
         at => 'proxy_cache c;');
conf_bad('the namespace in the body', $mixes->('proxy_cache', 'put'),
         line('proxy_cache c;', more => $post
              . 'proxy_cache_key $uri$request_body;',
              http => $zone->('proxy')), at => 'proxy_cache c;');
conf_bad('inherited', $mixes->('proxy_cache', 'status'),
         server => "proxy_cache c;\n$none\n"
             . "location /v1/ { hx_gate on; $engine }",
         http => $zone->('proxy'), at => 'proxy_cache c;');
for my $who (qw(fastcgi uwsgi scgi)) {
    my @with = (http => $zone->($who), pass => "${who}_pass 127.0.0.1:1;");
    conf_bad("$who: no key but that", $mixes->("${who}_cache", 'status'),
             line("${who}_cache c;", more => "${who}_cache_key \$uri;",
                  operations => $none, @with), at => "${who}_cache c;");
    conf_good("$who: the tenant in the key",
              line("${who}_cache c;", operations => $none, @with,
                   more => "${who}_cache_key \"\$hx_gate_tenant \$uri\";"));
}
conf_good('the namespace in the path, and that in the key',
          line('proxy_cache c;', operations => $path,
               http => $zone->('proxy')));
conf_good('all of them are', line('proxy_cache c;', http => $zone->('proxy')));
conf_good('the tenant in the key',
          line('proxy_cache c;', operations => $none, http => $zone->('proxy'),
               more => 'proxy_cache_key "$hx_gate_tenant|$request_uri";'));
my $may = '"proxy_cache" may give one tenant\'s answer to another: operation '
    . '"status" has no namespace in the cache\'s key, unless its variables name '
    . 'the tenant ("$hx_gate_tenant" does)';
my $keyed = sub {
    my ($key, $http, $more) = @_;
    return (line('proxy_cache c;', operations => $none,
                 more => "proxy_cache_key $key; " . ($more // ''),
                 http => $zone->('proxy') . $http), at => 'proxy_cache c;');
};
conf_warn('a key of a map', $may,
          $keyed->('$k', 'map $host$request_uri $k { default $uri; }'));
conf_warn('a key that is set', $may, $keyed->('$k', '', 'set $k $uri;'));
conf_warn('a key of geo', $may, $keyed->('$uri$k', 'geo $k { default 1; }'));
conf_warn('a key of split_clients', $may,
          $keyed->('$k', 'split_clients $remote_addr $k { * a; }'));
conf_good('the tenant in a map', $keyed->('$k',
          'map "$hx_gate_tenant" $k { default "$hx_gate_tenant:$uri"; }'));
conf_good('the tenant in a map of a map', $keyed->('$uri${k}',
          'map $hx_gate_tenant $t { default $hx_gate_tenant; } '
          . 'map $t$host $k { default $t; }'));
conf_good('no cache', line('proxy_cache off;', operations => $none));
conf_good('a cache of others', http => $zone->('proxy'), server => <<"EOC");
$none
proxy_cache_methods POST;
location /v1/ { hx_gate on; $engine }
location /other/ { proxy_cache c; proxy_pass http://127.0.0.1:2; }
EOC
conf_good('a cache of other ways on', http => $zone->('proxy'), server => <<"EOC");
$none
proxy_cache c;
hx_gate on;
location = /v1/status { grpc_pass grpc://127.0.0.1:1; }
location /v1/s { proxy_cache off; $engine }
location = /gone { return 410; }
EOC
my $same = '"proxy_cache" of POST without "$request_body" in the cache\'s key: '
    . 'another body gets the same answer';
conf_warn('POST', $same, line('proxy_cache c;', http => $zone->('proxy'),
          more => $post . 'proxy_cache_key $hx_gate_tenant$uri;'),
          at => 'proxy_cache c;');
conf_good('POST and the body', line('proxy_cache c;', http => $zone->('proxy'),
          more => $post . 'proxy_cache_key $hx_gate_tenant$uri$request_body;'));

for my $who (qw(proxy fastcgi uwsgi scgi)) {
    conf_warn("$who: stored", qq("${who}_store" keeps answers as files that are )
              . 'for no tenant in particular', line("${who}_store on;"));
    conf_good("$who: not stored", line("${who}_store off;"));
    conf_good("$who: stored elsewhere", off("${who}_store on;"));
}

for my $who (qw(proxy grpc fastcgi uwsgi scgi)) {
    conf_warn("$who: twice", qq("${who}_next_upstream non_idempotent": what is )
              . 'charged once may be done twice',
              line("${who}_next_upstream error timeout non_idempotent;"));
    conf_good("$who: another one",
              line("${who}_next_upstream error timeout http_503;"));
    conf_good("$who: twice elsewhere",
              off("${who}_next_upstream error non_idempotent;"));
}

# how much of a body
my $small = sub { '"client_max_body_size" is less than the bodies that '
                  . '"hx_gate_max_upload" lets through, it would have to be '
                  . $_[0] };
my $limit = sub {
    my ($limit, %o) = @_;
    return (line("client_max_body_size $limit;", %o), at => 'location /v1/');
};
conf_warn('a little less', $small->('135m'), $limit->('134m'));
conf_warn('once', $small->('135m'),
          $limit->('1k; limit_except GET { deny all; } if ($arg_x) { return 403; }'
                   . ' limit_rate 0'));
conf_warn('1k', $small->('135m'), $limit->('1k'));
conf_warn('a smaller upload', $small->('15m'),
          $limit->('8m', more => 'hx_gate_max_upload 10m;'));
conf_warn('of the server', $small->('135m'), at => 'location /v1/',
          server => 'hx_gate_operations hx-sdp; client_max_body_size 64k;'
              . "\nlocation /v1/ { hx_gate on; $engine }");
conf_good('enough', $limit->('135m'));
conf_good('enough for a smaller upload',
          $limit->('15m', more => 'hx_gate_max_upload 10m;'));
conf_good('no limit', $limit->('0'));
conf_good('no bodies', $limit->('1k', operations => $path));
conf_good('others', off('client_max_body_size 1k;'));
conf_good('only where bodies go on', server => <<"EOC");
client_max_body_size 1m;
hx_gate_operations hx-sdp;
hx_gate on;
location /v1/ { client_max_body_size 135m; $engine }
location = /healthz { return 200; }
location /docs { return 301 https://docs.example.com\$request_uri; }
EOC

# what is charged
for my $who (qw(proxy fastcgi uwsgi scgi)) {
    my $pass = "${who}_pass " . ($who eq 'proxy' ? 'http://' : '')
        . '127.0.0.1:1;';
    my $alone = qq("${who}_pass" without "${who}_ignore_client_abort on": a )
        . 'client that goes away early is not charged for what the engine has '
        . 'done';
    my $off = "${who}_ignore_client_abort off;";
    conf_warn("$who: the client's end", $alone, way($pass, more => $off));
    conf_good("$who: the client's end, shadow",
              way($pass, more => $off, mode => 'shadow'));
    conf_good("$who: the client's end elsewhere", off($off, $pass =~ s/:1/:2/r));
    conf_good("$who: inherited", way($pass));
}
conf_good('gRPC has no choice', way('grpc_pass grpc://127.0.0.1:1;'));

# what a billing service gets
my $hook = 'location = /hook {';
sub hook {
    my ($line) = @_;
    return (env => { HX_GATE_STRIPE_WEBHOOK_SECRET => 'whsec_' . 'x' x 32 },
            server => "client_max_body_size 64k;\n$hook hx_gate_stripe_webhook;"
                      . "\n$line\n$engine }", at => $line || $hook);
}
my $event = '"client_max_body_size" is less than 1m with '
    . '"hx_gate_stripe_webhook": larger events would never be handled';
conf_warn('an event that is too large', $event, hook(''), at => $hook);
conf_warn('by a byte', $event, hook('client_max_body_size 1048575;'),
          at => $hook);
conf_good('an event of 1 MiB', hook('client_max_body_size 1m;'));
conf_good('any', hook('client_max_body_size 0;'));
conf_warn('another event', '"proxy_set_body" with "hx_gate_stripe_webhook": '
          . 'the service would get something else than was signed',
          hook('client_max_body_size 1m; proxy_set_body "{}";'));
conf_warn('no event', '"return" with "hx_gate_stripe_webhook" answers before a '
          . 'signature is looked at: no event is handled',
          hook('client_max_body_size 1m; return 200;'));
conf_good('what is no event', hook('client_max_body_size 1m; '
          . 'if ($request_method != POST) { return 405; }'));
conf_good('the event',
          hook('client_max_body_size 1m; proxy_set_body $request_body;'));

done_testing;
