# A body of 130 MB with its namespace at the very end costs the worker 128 KiB
# at most beyond what nginx itself takes for it.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

# KiB; freed memory that the sanitizer keeps back is none of the gate's
use constant LIMIT => $ENV{HX_SAN_DIR} ? 512 : 128;
use constant BODY => 130_000_000;                       # bytes

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod', 'default'] });
my $port = HX::port(1);

# Peak of resident memory in KiB, without what is mapped from files: how many
# pages of code a first body touches differs from compiler to compiler.
sub peak {
    my ($pid) = @_;
    my $status = HXGate::slurp("/proc/$pid/status");
    my %kib = $status =~ /^(VmHWM|RssFile):\s+(\d+)/mg;
    return $kib{VmHWM} - $kib{RssFile};
}

sub forget_peak {
    my ($pid) = @_;
    HXGate::spew("/proc/$pid/clear_refs", '5');
}

sub upload {
    my ($server, $target, $n) = @_;

    my ($head, $tail) = ('{"key":"a","data_b64":"', '","namespace":"prod"}');
    my $left = $n - length "$head$tail";
    my $piece = 'QUJD' x 65536;

    my $s = HXGate::connect_to($server->{port});
    HXGate::send_all($s, HXGate::request_text(
        'POST', $target, key => $HXGate::Key{acme},
        headers => ['Content-Type', 'application/json', 'Content-Length', $n])
        . $head);
    while ($left) {
        $piece = substr $piece, 0, $left if $left < length $piece;
        HXGate::send_all($s, $piece) or die "send: $!";
        $left -= length $piece;
    }
    HXGate::send_all($s, $tail);
    return HXGate::response($s);
}

# A new worker for each, warmed by a request without a body.
sub growth {
    my ($target) = @_;

    # the transfer of usage has memory of its own, and its own time: not now
    my $http = HXGate::http_config(
        registry => "lmdb:$HXGate::Dir/registry map_size=16m usage_flush=60s");
    my $server = HXGate::Server->new(http => $http, config => <<"EOC")->start;
    hx_gate_operations hx-sdp;
    client_max_body_size 135m;
    location = /v1/put {
        hx_gate on;
        proxy_pass http://127.0.0.1:$port;
    }
    location = /v1/list/prod {
        hx_gate on;
        proxy_pass http://127.0.0.1:$port;
    }
    location = /plain {
        proxy_pass http://127.0.0.1:$port;
    }
    location = /kept {
        client_body_buffer_size 135m;
        proxy_pass http://127.0.0.1:$port;
    }
EOC
    my ($pid) = $server->pids;

    $server->request('GET', '/v1/list/prod', key => $HXGate::Key{acme});
    forget_peak($pid);
    my $before = peak($pid);

    my $r = upload($server, $target, BODY);
    is $r->{status}, 200, "$target: status";
    is $r->{json}{body_length}, BODY, "$target: all of it";
    is HXGate::sent($r->{json}, 'X-HX-Namespace'),
        $target eq '/v1/put' ? 'prod' : undef, "$target: namespace";

    my $after = peak($pid);
    is join(' ', $server->pids), $pid, "$target: one worker all the time";
    $server->stop;

    note "$target: $before KiB, then $after KiB";
    return $after - $before;
}

# the measure sees a body that is kept in memory
cmp_ok growth('/kept'), '>', 0.9 * BODY / 1024, 'a body kept shows';

my $plain = growth('/plain');
my $gated = growth('/v1/put');
cmp_ok $gated - $plain, '<=', LIMIT,
    "gated $gated KiB, plain $plain KiB: within " . LIMIT . ' KiB of it';

done_testing;
