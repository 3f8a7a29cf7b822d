# nginx -t names what lets others read, keep or change the answers of the gate.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $pass = 'proxy_pass http://127.0.0.1:1;';

sub line {
    my ($line, %o) = @_;
    my $mode = $o{mode} // 'on';
    return (server => "hx_gate_operations hx-sdp;\nlocation /v1/ {\n"
            . "hx_gate $mode; @{[$o{more} // '']}\n$line\n$pass\n}",
            at => $line);
}

sub around {
    my ($line) = @_;
    return (server => "hx_gate_operations hx-sdp;\n$line\n"
            . "location /v1/ { hx_gate on; $pass }", at => $line);
}

sub admin {
    my ($line) = @_;
    return (server => "location /gate/ {\n$line\nhx_gate_admin; }",
            at => $line);
}

sub off {
    my ($line) = @_;
    return (server => "hx_gate_operations hx-sdp;\n"
            . "location /v1/ { hx_gate on; $pass }\n"
            . "location /other/ {\n$line\nroot html; }", at => $line);
}

# credentials on their way back
my $back = sub { qq("$_[0]" sends a client's credential back: scripts and )
                 . 'caches can read it' };
my $before = sub { qq("$_[0]" sends a client's credential back: it is before )
                   . '"hx_gate", which would have taken it away' };
for my $case ([$back, 'add_header', 'X-Key $http_x_api_key'],
              [$back, 'add_header', 'X-Key "<$http_authorization>" always'],
              [$back, 'sub_filter', 'key $http_x_api_key'],
              [$before, 'return', '200 "${http_x_api_key}"'],
              [$before, 'rewrite', '^ /x?k=$http_x_api_key redirect'])
{
    my ($text, $what, $value) = @$case;
    conf_warn("$what $value", $text->($what), line("$what $value;"));
    conf_warn("$what $value, admin", $text->($what), admin("$what $value;"));
    conf_good("$what $value elsewhere", off("$what $value;"));
}
conf_warn('in an if', $before->('return'), at => 'return 200',
          server => "hx_gate_operations hx-sdp;\nlocation /v1/ { hx_gate on;\n"
              . "if (\$arg_x) {\nreturn 200 \$http_x_api_key;\n}\n$pass }");
conf_good('another header', line('add_header X-Agent $http_user_agent;'));

# who may read them
my $any = '"add_header Access-Control-Allow-Origin" lets any page read answers: '
    . 'name origins with "hx_gate_cors"';
my $twice = '"add_header Access-Control-Allow-Origin" beside "hx_gate_cors": '
    . 'browsers refuse an answer that has it twice';
my $origin = 'add_header Access-Control-Allow-Origin';
conf_warn('any origin', $any, line("$origin *;"));
conf_warn('the one that asks', $any, line("$origin \$http_origin always;"));
conf_warn('any origin, inherited', $any, around("$origin *;"));
conf_warn('any origin, admin', $any, admin("$origin *;"));
conf_warn('twice', $twice, line("$origin https://b.example;",
                                more => 'hx_gate_cors https://a.example;'));
conf_good('once', line("$origin https://b.example;"));
conf_good('once, and said so', line("$origin https://b.example;",
                                    more => 'hx_gate_cors off;'));
conf_good('elsewhere', off("$origin *;"));

# who may keep them
my $shared = '"add_header Cache-Control" lets shared caches give answers to '
    . 'whoever asks next, past "hx_gate"';
conf_warn('public', $shared,
          line('add_header Cache-Control "public, max-age=60";'));
conf_warn('s-maxage', $shared,
          line('add_header cache-control s-maxage=60 always;'));
conf_good('no-store', line('add_header Cache-Control no-store always;'));
conf_good('private', line('add_header Cache-Control "private, max-age=60";'));
conf_good('public elsewhere', off('add_header Cache-Control public;'));

my $caches = '"expires" lets caches between here and the clients give answers '
    . 'to whoever asks next, past "hx_gate"';
for my $v ('1h', 'max', 'modified +1d') {
    conf_warn("expires $v", $caches, line("expires $v;"));
    conf_warn("expires $v, inherited", $caches, around("expires $v;"));
    conf_good("expires $v elsewhere", off("expires $v;"));
}
conf_good("expires $_", line("expires $_;")) for qw(off epoch -1 $arg_e);
conf_good('expires off under expires 1h', server => <<"EOC");
hx_gate_operations hx-sdp;
expires 1h;
location /v1/ { hx_gate on; expires off; $pass }
EOC

# what nginx does with them
my $debug = '"error_log" at level "debug" has the headers of requests in it, '
    . 'credentials too';
my $log = "$HXGate::Dir/debug.log";
conf_warn('debug', $debug, line("error_log $log debug;"));
conf_warn('debug of the server', $debug, around("error_log $log debug;"));
conf_warn('debug of http', $debug, http => "error_log $log debug;");
conf_warn('debug of all', $debug, main => "error_log $log debug;",
          at => 'debug;');
conf_warn('debug of a part', $debug, line("error_log $log debug_http;"));
conf_warn('debug of the admin plane', $debug, admin("error_log $log debug;"));
conf_good("level $_", line("error_log $log $_;")) for qw(error warn info);
conf_good('debug elsewhere', off("error_log $log debug;"));
conf_good('a log of that name', line("error_log $HXGate::Dir/debug;"));

conf_warn('ssi', '"ssi on" makes nginx obey commands in what tenants have '
          . 'stored', line('ssi on;'));
conf_good('ssi off', line('ssi off;'));
conf_good('ssi elsewhere', off('ssi on;'));
conf_warn('autoindex', '"autoindex on" lists what is stored to whoever may '
          . 'name one namespace', line('autoindex on;'));
conf_good('autoindex elsewhere', off('autoindex on;'));
conf_warn('bodies', '"client_body_in_file_only on" leaves the bodies of tenants '
          . 'on the disk: "clean" removes them',
          line('client_body_in_file_only on;'));
conf_good("bodies: $_", line("client_body_in_file_only $_;")) for qw(clean off);
conf_good('bodies of others', off('client_body_in_file_only on;'));

done_testing;
