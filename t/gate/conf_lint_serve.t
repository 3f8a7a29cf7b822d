# nginx -t names who can reach the gate that should not, and how.
use lib 't/lib'; use HX; use HXConf; use HXGate;
use Test::More;

use strict;
use warnings;

my $port = HX::port(3);
my $pass = 'proxy_pass http://127.0.0.1:1;';
my $gated = "hx_gate_operations hx-sdp;\n"
    . "location /v1/ { hx_gate on; $pass }";
my $tls = "ssl_certificate $HXGate::Dir/tls.crt; "
    . "ssl_certificate_key $HXGate::Dir/tls.key;";

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
       . "-days 30 -subj /CN=x -keyout '$HXGate::Dir/tls.key' "
       . "-out '$HXGate::Dir/tls.crt' 2>/dev/null") == 0 or die 'openssl';

# A server beside the one on loopback.
sub listens {
    my ($listen, $config) = @_;
    return (http => "server {\n$listen\n$tls\n$config }", at => $listen);
}

sub tls {
    my ($config, @o) = @_;
    return (http => "server { listen $port ssl; $tls\n$config }", @o);
}

# in the clear
my $clear = sub { qq("listen $_[0]" without TLS where the gate is: keys of )
                  . 'tenants or of the operator are in the clear' };
my %with = (gate => $gated,
            gate_in_all_of_it => "hx_gate on;\n$gated",
            admin => 'location /gate/ { allow 10.0.0.0/8; deny all; '
                   . 'hx_gate_admin; }');
for my $what (sort keys %with) {
    conf_warn("$what on all addresses", $clear->($port),
              listens("listen $port;", $with{$what}));
    conf_good("$what on loopback",
              listens("listen 127.0.0.1:$port;", $with{$what}));
    conf_good("$what on a socket",
              listens("listen unix:$HXGate::Dir/s.sock;", $with{$what}));
    conf_good("$what with TLS", tls($with{$what}));
}
conf_warn('one of two', $clear->($port),
          listens("listen $port;", "listen 127.0.0.1:$port; $gated"));
conf_good('metrics', listens("listen $port;", 'location = /metrics { '
          . 'allow 10.0.0.0/8; deny all; hx_gate_metrics; }'));
conf_good('others', listens("listen $port;", 'location / { return 200; }'));
conf_good('behind something that says who it is',
          listens("listen $port proxy_protocol;", $gated));
conf_good('behind something that is known', listens("listen $port;",
          "set_real_ip_from 10.0.0.0/8; $gated"));
conf_good('what sends to TLS', listens("listen $port;", 'if ($scheme = http) '
          . "{ return 301 https://\$host\$request_uri; } $gated"));

# TLS
my $old = sub { qq("ssl_protocols $_[0]" where the gate is: TLS below 1.2 can )
                . 'be broken' };
my $protocols = 'ssl_protocols TLSv1 TLSv1.2;';
conf_warn('TLS 1.0', $old->('TLSv1'),
          tls("\n$protocols\n$gated", at => $protocols));
conf_warn('TLS 1.1 of http', $old->('TLSv1.1'),
          http => "ssl_protocols TLSv1.1 TLSv1.3;\n" . {tls($gated)}->{http});
conf_warn('SSL 3 of the admin plane', $old->('SSLv3'), tls(
          "\nssl_protocols SSLv3;\n$with{admin}", at => 'ssl_protocols'));
conf_good('TLS of today', tls("ssl_protocols TLSv1.2 TLSv1.3; $gated"));
conf_good('of today under old',
          http => "ssl_protocols TLSv1;\n"
              . {tls("ssl_protocols TLSv1.3; $gated")}->{http});
conf_good('old for others', tls("$protocols location / { return 200; }"));
conf_good('old where there is no TLS', server => "$protocols $gated");

my $weak = sub { qq("ssl_ciphers" has "$_[0]" where the gate is: such a cipher )
                 . 'can be broken' };
for my $case (['RC4-SHA', 'HIGH:RC4-SHA:!aNULL'], ['aNULL', 'aNULL'],
              ['DES-CBC3-SHA', 'ECDHE-RSA-AES128-GCM-SHA256:DES-CBC3-SHA'],
              ['ALL@SECLEVEL=0', 'ALL@SECLEVEL=0'])
{
    my ($cipher, $list) = @$case;
    conf_warn($list, $weak->($cipher), tls("\nssl_ciphers $list;\n$gated",
                                           at => 'ssl_ciphers'));
}
conf_good($_, tls("ssl_ciphers $_; $gated"))
    for 'HIGH:!aNULL:!MD5:!RC4', 'DEFAULT:-DES-CBC3-SHA', 'ECDHE+AESGCM';
conf_good('weak for others', tls("ssl_ciphers RC4-SHA:AES128-SHA; "
                                 . 'location / { return 200; }'));

conf_warn('early data', '"ssl_early_data on" where the gate is: whoever is on '
          . 'the way can send a request again, which is done and charged again',
          tls("\nssl_early_data on;\n$gated", at => 'ssl_early_data'));
conf_good('no early data', tls("ssl_early_data off; $gated"));
conf_good('early data of others',
          tls('ssl_early_data on; location / { return 200; }'));

# the admin plane, and who may come near
my $open = sub { qq("hx_gate_admin" is open to everybody: there is no "deny )
                 . qq(all" in location "$_[0]") };
conf_warn('admin', $open->('/gate/'),
          tls("\nlocation /gate/ { hx_gate_admin; }", at => 'location /gate/'));
conf_warn('admin at a path', $open->('/gate/onboard/create'),
          tls("\nlocation = /gate/onboard/create { hx_gate_admin; }",
              at => 'location = /gate/'));
conf_warn('admin with an if', $open->('/gate/'),
          tls("\nlocation /gate/ { hx_gate_admin; if (\$arg_x) { } }",
              at => 'location /gate/'));
conf_warn('admin for all but one', $open->('/gate/'),
          tls("\nlocation /gate/ { hx_gate_admin; deny 192.0.2.1; }",
              at => 'location /gate/'));
conf_warn('admin for all but one, around it', $open->('/gate/'),
          tls("deny 192.0.2.1;\nlocation /gate/ { hx_gate_admin; }",
              at => 'location /gate/'));
conf_good('admin for certificates', tls('ssl_verify_client on; '
          . "ssl_client_certificate $HXGate::Dir/tls.crt; "
          . 'location /gate/ { hx_gate_admin; }'));
conf_warn('admin for certificates that are asked for', $open->('/gate/'),
          tls('ssl_verify_client optional; '
              . "ssl_client_certificate $HXGate::Dir/tls.crt;\n"
              . 'location /gate/ { hx_gate_admin; }',
              at => 'location /gate/'));
conf_good('admin for some', tls($with{admin}));
conf_good('admin for some, around it',
          tls('allow 10.0.0.0/8; deny all; location /gate/ { hx_gate_admin; }'));
conf_good('admin for all, and meant',
          tls('location /gate/ { allow all; hx_gate_admin; }'));
conf_good("a tenant's own usage",
          tls('location = /gate/usage { hx_gate_admin; }'));
conf_good("a tenant's own usage, written in one",
          tls('location =/gate/usage { hx_gate_admin; }'));
conf_good('admin on loopback', server => 'location /gate/ { hx_gate_admin; }');

my $nobody = '"allow" without "deny all" keeps nobody out';
for my $h ('hx_gate_admin', 'hx_gate_metrics') {
    my $where = "location /gate/ {\nallow 10.0.0.0/8;\n$h; ";
    conf_warn("$h: allow alone", $nobody, tls("$where}", at => 'allow'));
    conf_warn("$h: allow alone, around it", $nobody,
              tls("\nallow 10.0.0.0/8;\nlocation /gate/ { $h; }",
                  at => 'allow'));
    conf_warn("$h: allow and deny one", $nobody,
              tls("$where deny 10.1.1.1; }", at => 'allow'));
    conf_good("$h: allow and deny", tls("$where deny all; }"));
    conf_good("$h: deny under allow",
              tls("allow 10.0.0.0/8; location /gate/ { deny all; $h; }"));
    conf_good("$h: allow on loopback", server => "$where}");

    for my $net ('0.0.0.0/0', '::/0') {
        my $from = "set_real_ip_from $net;";
        conf_bad("$h: $from", qq("set_real_ip_from $net": every client can say )
                 . 'which address it has, and "allow" believes it',
                 tls("\n$from\n$where deny all; }", at => $from));
        conf_good("$h: $from on loopback",
                  server => "$from $where deny all; }");
    }
    conf_good("$h: some are believed",
              tls("set_real_ip_from 10.0.0.0/8; $where deny all; }"));
}
conf_good('all are believed where it decides nothing',
          tls("set_real_ip_from 0.0.0.0/0; $gated"));
conf_good('all are believed where others are let in',
          tls("set_real_ip_from 0.0.0.0/0; $gated location /x { "
              . 'allow 10.0.0.0/8; deny all; return 200; }'));

# what it runs as
conf_warn('root', '"user root" where the gate is: workers read what clients '
          . 'send, they need no rights', main => 'user root;',
          user => '', at => 'user root;');
conf_warn('cores', '"worker_rlimit_core" where the gate is: a core dump has the '
          . 'service key in it', main => 'worker_rlimit_core 500m;',
          at => 'worker_rlimit_core');
conf_good('no cores', main => 'worker_rlimit_core 0;');
conf_good('root and cores where no credential comes by', user => '',
          main => 'user root; worker_rlimit_core 500m;',
          server => 'location = /metrics { hx_gate_metrics; }');
conf_good('cores of others', main => 'worker_rlimit_core 500m;', zone => '',
          registry => '', key => '', audit => '', server => 'return 200;');

# what is not decided, or not written down
my $refuses = '"hx_gate shadow" on a public listener refuses nobody';
conf_warn('a shadow', $refuses, tls("hx_gate_operations hx-sdp;\n"
          . "location /v1/ {\nhx_gate shadow;\n$pass }", at => "\nhx_gate shadow"));
conf_warn('a shadow of the server', $refuses,
          tls("\nhx_gate shadow;\nhx_gate_operations hx-sdp;\n"
              . "location /v1/ { $pass }", at => "\nhx_gate shadow"));
conf_good('a shadow on loopback', server => "hx_gate_operations hx-sdp; "
          . "location /v1/ { hx_gate shadow; $pass }");

my $unknown = '"hx_gate_audit_log off": nobody will know who has done what';
conf_warn('no trail here', $unknown, server => "hx_gate_operations hx-sdp;\n"
          . "location /v1/ { hx_gate on;\nhx_gate_audit_log off;\n$pass }",
          at => 'hx_gate_audit_log off');
conf_warn('no trail of the admin plane', $unknown,
          server => "location /gate/ {\nhx_gate_audit_log off;\nhx_gate_admin; }",
          at => 'hx_gate_audit_log off');
conf_good('no trail of others', server => "$gated location /x { "
          . 'hx_gate_audit_log off; return 200; }');

# a place that nobody finds
my $nothing = sub { qq("hx_gate_admin" in location "$_[0]" answers nothing: its )
                    . 'paths begin with "/gate/"' };
for my $l ('/admin/', '/gates', '= /gate', '/gat/', '^~ /v1/') {
    (my $path = $l) =~ s/.* //;
    conf_warn("admin in $l", $nothing->($path),
              server => "\nlocation $l { hx_gate_admin; }",
              at => "location $l");
}
conf_good("admin in $_", server => "location $_ { hx_gate_admin; }")
    for '/', '/g', '/gate', '/gate/', '/gate/onboard/', '= /gate/admin/tenants',
        '^~ /gate/', '~ ^/(gate)/', '@admin';
conf_good('admin behind a rewrite', server => 'location /admin/ { rewrite '
          . '^/admin(.*) /gate$1 break; hx_gate_admin; }');

done_testing;
