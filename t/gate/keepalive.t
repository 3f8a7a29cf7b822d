# Several requests on one connection: each is decided on its own.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] },
                { tenant_id => 'other', namespaces => ['other'] });

my %Key = %HXGate::Key;
my $Server = HXGate::Server->new(http => HXGate::http_config() . <<"EOC",
upstream engine { server 127.0.0.1:@{[HX::port(1)]}; keepalive 4; }
EOC
    config => <<'EOC')->start;
hx_gate_operations hx-sdp;
location /v1/ {
    hx_gate on;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://engine;
}
location /gate/ { hx_gate_admin; }
EOC

my $Put = '{"namespace":"prod","key":"k"}';

# method, target, options, status, tenant upstream, namespace upstream
my @mix = (
    ['GET', '/v1/get/prod/a', { key => $Key{acme} }, 200, 'acme', 'prod'],
    ['GET', '/v1/get/prod/b', {}, 401],
    ['GET', '/v1/get/other/c', { key => $Key{other} }, 200, 'other', 'other'],
    ['GET', '/v1/get/prod/d', { key => $Key{other} }, 403],
    ['POST', '/v1/put', { key => $Key{acme}, body => $Put }, 200, 'acme',
     'prod'],
    ['POST', '/v1/put', { key => $Key{other}, body => $Put }, 403],
    ['POST', '/v1/put', { body => $Put }, 401],
    ['HEAD', '/v1/get/prod/e', { key => $Key{acme} }, 200, 'acme', 'prod'],
    ['GET', '/v1/none', { key => $Key{acme} }, 404],
    ['GET', '/gate/admin/tenants/acme', { service => 1 }, 200],
    ['GET', '/v1/get/prod/f', {}, 401],
    ['GET', '/gate/admin/tenants/acme', { key => $Key{acme} }, 401],
    ['GET', '/v1/list/other', { key => $Key{other} }, 200, 'other', 'other'],
    ['POST', '/v1/serve', { key => $Key{acme},
        body => '{"namespace":"prod","mode":"gpu"}' }, 200, 'acme', 'prod'],
    ['GET', '/v1/get/prod/g', { key => $Key{acme} }, 200, 'acme', 'prod'],
);

my %cus = (GET => '0.1', HEAD => '0.1', '/v1/put' => '1.0',
           '/v1/serve' => '2.0');

sub check {
    my ($name, $row, $r) = @_;
    my ($method, $target, $o, $status, $tenant) = @$row;
    is($r && $r->{status}, $status, "$name $method $target: status");
    my $cus = $tenant ? $cus{$target} // $cus{$method}
        : $target =~ /^\/v1/ ? '0.0' : undef;
    is($r->{headers}{'x-hx-cus'}, $cus, "$name $method $target: CUs");
}

sub check_upstream {
    my ($name, $times) = @_;
    my @expected = map { "$_->[0] $_->[1] $_->[4] $_->[5]" }
        grep { $_->[4] } (@mix) x $times;
    my @got = map {
        join ' ', @$_{qw(method target)}, HXGate::sent($_, 'X-HX-Tenant'),
             HXGate::sent($_, 'X-HX-Namespace');
    } HXBlock::records();
    is_deeply(\@got, \@expected, "$name: upstream");
}

sub send_one {
    my ($s, $row) = @_;
    HXGate::send_all($s, HXGate::request_text(@$row[0, 1], keepalive => 1,
                                              %{ $row->[2] }));
}

# ---- one after the other

my $s = HXGate::connect_to($Server->{port});
my $rest = '';
for my $row ((@mix) x 3) {
    send_one($s, $row);
    check('in turn', $row, HXGate::response($s, \$rest, $row->[0]));
}
is($rest, '', 'nothing is left over');
close $s;
check_upstream('in turn', 3);

# ---- all at once

HXGate::upstream_forget();
$s = HXGate::connect_to($Server->{port});
HXGate::send_all($s, join '', map {
    HXGate::request_text(@$_[0, 1], keepalive => 1, %{ $_->[2] })
} (@mix) x 3);
for my $row ((@mix) x 3) {
    check('pipelined', $row, HXGate::response($s, \$rest, $row->[0]));
}
is($rest, '', 'nothing is left over');
close $s;
check_upstream('pipelined', 3);

# ---- all at once, byte by byte

HXGate::upstream_forget();
$s = HXGate::connect_to($Server->{port});
setsockopt $s, 6, 1, 1;         # TCP_NODELAY
HXGate::send_all($s, $_) for split //, join '', map {
    HXGate::request_text(@$_[0, 1], keepalive => 1, %{ $_->[2] })
} @mix;
for my $row (@mix) {
    check('byte by byte', $row, HXGate::response($s, \$rest, $row->[0]));
}
close $s;
check_upstream('byte by byte', 1);

# ---- several connections, taking turns

HXGate::upstream_forget();
my @s = map { HXGate::connect_to($Server->{port}) } 1 .. 4;
my @rest = ('') x @s;
for my $row (@mix) {
    send_one($_, $row) for @s;
    check('side by side', $row, HXGate::response($s[$_], \$rest[$_],
                                                 $row->[0]))
        for 0 .. $#s;
}
close $_ for @s;

# ---- every one recorded, once

my @audit = HXGate::audit(@mix * 11);
is(scalar @audit, @mix * 11, 'records');
my %ids = map { $_->{request_id} => 1 } @audit;
is(scalar keys %ids, @mix * 11, 'each its own request id');

is($Server->stop, 0, 'nginx stops');
done_testing();
