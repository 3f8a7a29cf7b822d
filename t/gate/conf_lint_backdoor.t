# nginx -t names ways past the gate to what is behind it.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $port = HX::port(3);
my $engine = 'proxy_pass http://127.0.0.1:1;';
my $gated = "location /v1/ { hx_gate on; $engine }";

# A server that listens there; what is told of it stands in "http".
sub server {
    my ($config, %o) = @_;
    my $listen = $o{listen} // $port;
    return (http => ($o{http} // '') . "\nserver { listen $listen ssl; "
            . "ssl_certificate $HXGate::Dir/tls.crt; "
            . "ssl_certificate_key $HXGate::Dir/tls.key; "
            . "hx_gate_operations hx-sdp;\n$config }");
}

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
       . "-days 30 -subj /CN=x -keyout '$HXGate::Dir/tls.key' "
       . "-out '$HXGate::Dir/tls.crt' 2>/dev/null") == 0 or die 'openssl';

# the same upstream, without the gate
my $past = sub {
    my ($what, $to, $location) = @_;
    return qq("$what" to "$to" in location "$location", where "hx_gate" is off: )
        . 'a way past the gate to what it guards elsewhere';
};
my $open = "location /raw/ {\n$engine\n}";
conf_warn('beside it', $past->('proxy_pass', '127.0.0.1:1', '/raw/'),
          server("location /v1/ { hx_gate on; proxy_pass http://127.0.0.1:1/; }"
                 . $open), at => "\n$engine");
conf_warn('under it', $past->('proxy_pass', '127.0.0.1:1', '/v1/raw/'),
          server("location /v1/ { hx_gate on; $engine\n"
                 . "location /v1/raw/ { hx_gate off;\n$engine\n} }"),
          at => "\n$engine");
conf_warn('a regular expression',
          $past->('proxy_pass', '127.0.0.1:1', '\.json$'),
          server("$gated\nlocation ~ \\.json\$ {\n$engine\n}"),
          at => "\n$engine");
conf_warn('in another server',
          $past->('proxy_pass', '127.0.0.1:1', '/raw/'), server($open),
          at => "\n$engine");
conf_warn('by the name of an upstream',
          $past->('proxy_pass', 'engine', '/raw/'),
          server("location /v1/ { hx_gate on; proxy_pass http://engine; }\n"
                 . "location /raw/ {\nproxy_pass http://engine/x;\n}",
                 http => 'upstream engine { server 127.0.0.1:1; }'),
          at => "\nproxy_pass http://engine/x;");
conf_warn('fastcgi_pass', $past->('fastcgi_pass', '127.0.0.1:1', '/raw/'),
          server("$gated\nlocation /raw/ {\nfastcgi_pass 127.0.0.1:1;\n}"),
          at => "\nfastcgi_pass");
conf_warn('in an if', $past->('proxy_pass', '127.0.0.1:1', '($arg_x)'),
          server("$gated\nlocation /raw/ { hx_gate off; root html;\n"
                 . "if (\$arg_x) {\n$engine\n} }"), at => "\n$engine");

# the same engine by another name
for my $case (['127.0.0.1:1', 'localhost:1'], ['[::1]:1', '127.0.0.1:1'],
              ['LOCALHOST:1', '127.0.0.1:1/x'], ['127.0.0.1', '127.0.0.1:80'],
              ['unix:/run/e.sock', 'unix:/run/e.sock:/'],
              ['unix:/run/e.sock:$request_uri', 'unix:/run/e.sock'],
              ['engine', '127.0.0.1:3'], ['127.0.0.1:2', 'ENGINE'],
              ['engine', 'same'])
{
    my ($one, $two) = @$case;
    my ($to) = $two =~ /^(unix:[^:]*|[^\/]*)/;
    conf_warn("$one, $two", $past->('proxy_pass', $to, '/raw/'),
              server("location /v1/ { hx_gate on; proxy_pass http://$one; }\n"
                     . "location /raw/ {\nproxy_pass http://$two;\n}",
                     http => 'upstream engine { server 127.0.0.1:2; '
                         . 'server localhost:3; } upstream same { '
                         . 'server 127.0.0.1:4; server 127.0.0.1:3 backup; }'),
              at => "\nproxy_pass http://$two;");
}
conf_good("$_, another one",
          server("location /v1/ { hx_gate on; proxy_pass http://engine; } "
                 . "location /raw/ { proxy_pass $_; }",
                 http => 'upstream engine { server 127.0.0.1:2; } '
                     . 'upstream same { server 127.0.0.1:4; }'))
    for 'http://same', 'http://127.0.0.1', 'http://unix:/run/e.sock',
        'https://127.0.0.1';

conf_good('another upstream', server("$gated location /raw/ { "
                                     . 'proxy_pass http://127.0.0.1:2; }'));
conf_good('one path', server("$gated location = /raw { $engine }"));
conf_good('inside of one path', server("$gated location = /raw "
                                       . "{ if (\$arg_x) { $engine } }"));
conf_good('for redirects', server("$gated location \@raw { $engine }"));
conf_good('internal', server("$gated location /raw/ { internal; $engine }"));
conf_good('narrowed', server("$gated location /raw/ { allow 10.0.0.0/8; "
                             . "deny all; $engine }"));
conf_good('narrowed around it', server("deny all; $gated $open"));
for my $line ('deny 10.1.1.1;', 'allow all; deny all;', 'auth_basic off;',
              'auth_request off;')
{
    conf_warn("not narrowed: $line", $past->('proxy_pass', '127.0.0.1:1',
              '/raw/'), server("$gated location /raw/ {\n$line\n$engine\n}"),
              at => "\n$engine");
}
conf_good('for certificates', server('ssl_verify_client on; '
          . "ssl_client_certificate $HXGate::Dir/tls.crt; $gated $open"));

# internal, and who leads there
my $inside = "location /raw/ { internal;\n$engine\n}";
for my $line ('rewrite ^/v1/(.*) /raw/$1 last;', 'rewrite ^/v1/(.*) /raw/$1;',
              'rewrite ^/v1/(.*) /raw/$1 break;',
              'if ($arg_x) { rewrite ^ /raw$uri last; }',
              'error_page 404 = /raw$request_uri;',
              'location /v1/x/ { rewrite ^/v1/x/(.*) /raw/$1 last; }',
              'location /o/ { if ($arg_x) { rewrite (.*) /raw/$1 last; } }',
              'location /o/ { try_files $uri /raw$uri; }')
{
    conf_warn($line, $past->('proxy_pass', '127.0.0.1:1', '/raw/'),
              server("$gated $line $inside"), at => "\n$engine");
}
conf_good("$_, internal", server("$gated $_ $inside"))
    for 'rewrite ^/raw/(.*) /v1/$1 last;', 'rewrite ^/o/(.*) /raw/$1 permanent;',
        'rewrite ^/o$ /raw/one last;', 'error_page 502 /raw/down;',
        'location /o/ { rewrite ^/o/(.*) /raw/$1 break; return 404; }',
        'location /o/ { internal; rewrite ^/o/(.*) /raw/$1 last; }',
        'location /o/ { deny all; try_files $uri /raw$uri; }';
HXGate::spew("$HXGate::Dir/users", "a:{PLAIN}b\n");
conf_good('with other credentials', server("$gated location /raw/ { "
          . "auth_basic x; auth_basic_user_file $HXGate::Dir/users; $engine }"));
conf_good('on loopback', server("$gated $open",
                                listen => "127.0.0.1:$port"));
conf_good('gated, too', server("$gated location /v1/get/ "
                               . "{ hx_gate on; $engine }"));
conf_good('what a shadow lets by anyway', server("location /v1/ { hx_gate shadow; $engine }\n$open",
                 listen => "127.0.0.1:$port"));

# what has been refused
my $sends = '"error_page" sends what "hx_gate" has refused to "@open", where the '
    . 'gate is off and requests are passed on';
sub refused {
    my ($page, $target, $named) = @_;
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location /v1/ { hx_gate on;\n$page\n$engine }\n"
            . "location \@open { $target }\n"
            . ($named ? '' : "location /open/ { $target }"), at => $page);
}
my $other = 'proxy_pass http://127.0.0.1:2;';
for my $page ('401', '403', '404 429', '401 403') {
    conf_warn("refused: $page", $sends, refused("error_page $page = \@open;", $other));
}
(my $path = $sends) =~ s/\@open/\/open\/x/;
conf_warn('to a path', $path, refused('error_page 401 /open/x;', $other));
conf_warn('inherited', $sends, server => "hx_gate_operations hx-sdp;\n"
          . "error_page 401 = \@open;\n$gated location \@open { $other }",
          at => 'error_page');
conf_good('to what answers itself',
          refused('error_page 401 = @open;', 'return 401 "no";'));
conf_good('to a file', refused('error_page 401 /open/x;', 'root html;'));
conf_good('to where the gate is on',
          refused('error_page 401 = @open;', "hx_gate on; $other", 1));
conf_good('what the engine answers',
          refused('error_page 502 504 = @open;', $other));
conf_good('to nowhere', refused('error_page 401 /none;', $other));
conf_good('refused by others', server => "hx_gate_operations hx-sdp; $gated "
          . "location /other/ { error_page 401 = \@open; $other } "
          . "location \@open { $other }");

# files that are tried first
my $leads = '"try_files" leads to "@engine", where "hx_gate" is off: the service '
    . 'key does not go along';
sub tries {
    my ($gate) = @_;
    return (server => "hx_gate_operations hx-sdp;\nlocation /v1/ { hx_gate on;\n"
            . "try_files /closed.html \@engine;\n}\n"
            . "location \@engine { $gate $engine }", at => 'try_files');
}
conf_warn('tried first', $leads, tries(''));
conf_good('tried first, gated', tries('hx_gate on;'));
conf_good('tried first where the gate is off', server => "$gated "
          . "hx_gate_operations hx-sdp; location /other/ { try_files /x \@open; } "
          . "location \@open { $other }");
conf_good('tried first, then a status', server => 'hx_gate_operations hx-sdp;'
          . 'location /v1/ { hx_gate on; try_files $uri =404; }');

# before the gate is asked
my $before = '"rewrite" leads to "/raw/$1", where "hx_gate" is off: it is done '
    . 'before the gate is asked';
my $rewrite = 'rewrite ^/v1/(.*) /raw/$1 last;';
conf_warn('rewritten', $before, at => $rewrite,
          server => "hx_gate_operations hx-sdp;\nlocation /v1/ { hx_gate on;\n"
              . "$rewrite\n}\nlocation /raw/ { internal; $engine }");
conf_good('rewritten to what answers', server => "hx_gate_operations hx-sdp;"
          . "location /v1/ { hx_gate on; $rewrite } location /raw/ { root x; }");
conf_good('rewritten to where the gate is on',
          server => "hx_gate_operations hx-sdp; location /v1/ { hx_gate on; "
              . "$rewrite } location /raw/ { internal; hx_gate on; $engine }");
conf_good('some are for others', server => "hx_gate_operations hx-sdp;"
          . "location /v1/ { hx_gate on; $rewrite $engine } "
          . "location /raw/ { $other }");

# copies
my $copy = '"mirror" sends a copy of what tenants send to "/copy", where '
    . '"hx_gate" is off';
sub mirrored {
    my ($target) = @_;
    return (server => "hx_gate_operations hx-sdp;\nlocation /v1/ { hx_gate on;\n"
            . "mirror /copy;\n$engine }\nlocation = /copy { internal; $target }",
            at => 'mirror');
}
conf_warn('a copy', $copy, mirrored('proxy_pass http://127.0.0.1:2;'));
conf_good('a copy for the gate', mirrored('hx_gate on; hx_gate_operation m '
          . 'POST /copy; proxy_pass http://127.0.0.1:2;'));
conf_good('a copy for nobody', mirrored('return 204;'));
conf_good('no copy', server => 'hx_gate_operations hx-sdp; mirror /copy;'
          . "location /v1/ { hx_gate on; mirror off; $engine }"
          . "location = /copy { $other }");

done_testing;
