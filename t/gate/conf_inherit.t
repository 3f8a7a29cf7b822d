# From http to server to location: what is said nearest counts, and a list of
# operations said anew replaces the one around it.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

my ($up, $second, $third) = (HX::port(1), HX::port(3), HX::port(4));
my $proxy = "proxy_pass http://127.0.0.1:$up;";
my %log = map { $_ => "$HXGate::Dir/$_.jsonl" } qw(http server location);

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};

my $server = HXGate::Server->new(
    http => HXGate::http_config(audit => "$log{http} flush=10ms") . <<"EOC",
    hx_gate on;
    hx_gate_operations hx-sdp;
    hx_gate_max_upload 30;
    client_max_body_size 0;

    server {
        listen 127.0.0.1:$second;
        hx_gate off;
        hx_gate_max_upload 60;
        hx_gate_audit_log $log{server} flush=10ms;
        location /v1/ { hx_gate on; $proxy }
        location /v1/put {
            hx_gate on;
            hx_gate_max_upload 90;
            hx_gate_audit_log $log{location} flush=10ms;
            location /v1/put_cores { $proxy }
            $proxy
        }
        location /v1/query/ { hx_gate on; hx_gate_audit_log off; $proxy }
        location / { $proxy }
    }

    server {
        listen 127.0.0.1:$third;
        hx_gate_operation note POST "/note/{key}" namespace=none cost=3;
        location /note/ { $proxy }
        location /v1/ { $proxy }
        location /own/ {
            hx_gate_operation own GET /own/it namespace=none cost=0.3;
            $proxy
        }
    }
EOC
    config => <<"EOC");
    location / { $proxy }
    location /open/ { hx_gate off; $proxy }
    location /open/but/ { hx_gate on; $proxy }
    location /if/ {
        hx_gate_operation a GET /if/a namespace=none;
        if (\$arg_x) { $proxy }
        $proxy
    }
    location /except/ {
        hx_gate_operation a GET /except/a namespace=none;
        limit_except POST { allow all; }
        $proxy
    }
EOC
$server->start;

my $body = '{"namespace":"prod"}';
my $id = 0;

sub try {
    my ($port, $method, $target, %o) = @_;
    return HXGate::request($method, $target, port => $port, key => $key,
                           headers => ['X-Request-Id', 'r' . ++$id], %o);
}

# on in http: everywhere, until it is switched off
is try($server->{port}, 'GET', '/v1/list/prod', key => undef)->{status}, 401,
    'on in http';
is try($server->{port}, 'GET', '/open/x', key => undef)->{status}, 200,
    'off in a location';
is try($server->{port}, 'GET', '/open/but/x', key => undef)->{status}, 401,
    'on again in a location';
is try($server->{port}, 'GET', '/if/a?x=1', key => undef)->{status}, 401,
    'on inside an if';
is try($server->{port}, 'GET', '/if/a?x=1')->{status}, 200,
    'with a key inside an if';
is try($server->{port}, 'GET', '/except/a', key => undef)->{status}, 401,
    'on inside a limit_except';
is try($second, 'GET', '/x', key => undef)->{status}, 200, 'off in a server';
is try($second, 'GET', '/v1/list/prod', key => undef)->{status}, 401,
    'on in a location of a server where it is off';
is try($second, 'POST', '/v1/put_cores', key => undef, body => $body)
    ->{status}, 401, 'on in an inner location';

# the limit
for my $case ([ $server->{port}, '/v1/put', 30 ], [ $second, '/v1/serve', 60 ],
              [ $second, '/v1/put', 90 ], [ $second, '/v1/put_cores', 90 ])
{
    my ($port, $target, $limit) = @$case;
    my $s = HXGate::connect_to($port);
    HXGate::send_all($s, HXGate::request_text('POST', $target, key => $key,
        headers => ['Content-Length', 2_000_000]));
    is HXGate::response($s)->{json}{detail},
        "Payload exceeds maximum upload size of $limit bytes",
        "limit of $limit bytes at $target";
}

# operations
is try($third, 'POST', '/note/n', body => 'x')->{headers}{'x-hx-cus'}, '3.0',
    'the server\'s own operation';
is try($third, 'POST', '/v1/put', body => $body)->{status}, 404,
    'replaces the ones of http';
is try($third, 'GET', '/own/it')->{headers}{'x-hx-cus'}, '0.3',
    'a location\'s own operation';
is try($third, 'POST', '/note/n', body => 'x')->{status}, 200,
    'is its own alone';

# the audit trail
HXGate::upstream_forget();
my %mark = (http => [ $server->{port}, 'GET', '/v1/list/prod' ],
            server => [ $second, 'GET', '/v1/list/prod' ],
            location => [ $second, 'POST', '/v1/put_cores', body => $body ]);
my %expect;
for my $where (sort keys %mark) {
    is try(@{ $mark{$where} })->{status}, 200, "a request for $where";
    $expect{$where} = "r$id";
}
is try($second, 'POST', '/v1/query/topk', body => $body)->{status}, 200,
    'and one for no log';
my $silent = "r$id";
is $server->stop, 0, 'nginx ends well';

for my $where (sort keys %mark) {
    my @ids = map { $_->{request_id} } HXGate::audit(0, $log{$where});
    is scalar(grep { $_ eq $expect{$where} } @ids), 1,
        "recorded in the log of $where";
    is scalar(grep { my $i = $_; grep { $_ eq $i } @ids } $silent,
              map { $expect{$_} } grep { $_ ne $where } keys %mark), 0,
        'and in no other';
}

# the form of a key; where the registry is broken, one that may be somebody's
# is 503, one that cannot be is 401
my $broken = "$HXGate::Dir/broken";
mkdir $broken;
HXGate::spew("$broken/data.mdb", 'not LMDB ' x 4096);
HXGate::give($_) for $broken, "$broken/data.mdb";

$server = HXGate::Server->new(
    http => HXGate::http_config(registry => "lmdb:$broken") . <<'EOC',
    hx_gate on;
    hx_gate_key_format any;
    hx_gate_operation it GET "/{any}/it" namespace=none;
EOC
    config => <<"EOC")->start;
    location /http/ { $proxy }
    location /sum/ {
        hx_gate_key_format checksum;
        location /sum/it { $proxy }
    }
EOC
my $short = 'k' x 32;
is $server->request('GET', '/http/it', key => $short)->{status}, 503,
    'any form in http';
is $server->request('GET', '/sum/it', key => $short)->{status}, 401,
    'checksum in a location, and in one inside it';
$server->stop;

done_testing;
