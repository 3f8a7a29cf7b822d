# Several nginx that know nothing of each other write one audit file, while the
# disk cuts their writes: each record is there once and whole, and what was cut
# is a line of its own.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;
use Errno qw(ENOSPC);

use strict;
use warnings;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $key = $HXGate::Key{acme};
my $fault = "$HXGate::Dir/fault";
my $library = $ENV{HX_DISK_FAULT_LIB}
    // "$HX::Top/build/release/hx_disk_fault.so";

for my $how ('flush=1ms', 'durability=write', 'durability=write extended') {
    unlink $HXGate::Audit;
    my @servers = map {
        my $n = $_;
        HXGate::Server->new(name => "server$n", port => HX::port(2 + $n),
            workers => 2, listen => 'reuseport',
            env => { LD_PRELOAD => $library, HX_DISK_FAULT => $fault,
                     HX_DISK_FAULT_PATH => $HXGate::Audit },
            http => HXGate::http_config(audit => "$HXGate::Audit $how",
                                        zone => "z$n 1m state=$HXGate::Dir"))
            ->start
    } 1 .. 3;

    my $n = 0;
    my $cut = 0;
    for my $round (1 .. 30) {
        # every other round each write is cut in half, and nginx tries again;
        # slowly, so that others come between what is looked at and written
        if ($round % 2) {
            HXGate::spew($fault, 'whd ' . ENOSPC);
            chmod 0644, $fault;
        } else {
            unlink $fault;
        }
        my @open;
        # so few that nobody has to wait for the lock for longer than he would
        for (1 .. 12) {
            my $server = $servers[$_ % 3];
            my $s = HXGate::connect_to($server->{port});
            HXGate::send_all($s, HXGate::request_text('GET',
                '/v1/get/prod/k', key => $key,
                headers => ['X-Request-Id', 's-' . ++$n]));
            push @open, $s;
        }
        my $rest;
        is join(' ', grep { $_ != 200 } map {
            $rest = ''; HXGate::response($_, \$rest, 'GET')->{status} } @open),
            '', "$how: round $round";
    }
    unlink $fault;
    is $_->stop, 0, "$how: nginx ends" for @servers;

    my $trail = HXGate::trail($HXGate::Audit);
    my %there = %{ $trail->{there} };
    is scalar(keys %there), $n, "$how: all records are there";
    is scalar(grep { $_ != 1 } values %there), 0, "$how: none twice";
    is join("\n", @{ $trail->{bad} }), '',
        "$how: what was cut is the beginning of a record that is there";
    cmp_ok scalar(@{ $trail->{cut} }), '>', 0, "$how: something was cut";
    unlike HXGate::slurp($HXGate::Audit), qr/\n\n/, "$how: no empty line";
}

done_testing;
