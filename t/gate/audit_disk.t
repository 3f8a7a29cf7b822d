# A disk that takes nothing: requests go on, and what is lost is told.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();

my $Server = HXGate::Server->new(
    http => HXGate::http_config(audit => '/dev/full flush=10ms buffer=16k'))
    ->start;
HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] });
my $Key = $HXGate::Key{acme};

HXGate::wait_for('the failed write', sub {
    $Server->logged(qr{audit log "/dev/full": write\(\) failed \(28: });
});

# more than the buffer holds
my $long = 'k' x 200;
my %status;
for (1 .. 120) {
    my $r = $Server->request('GET', "/v1/get/prod/$long", key => $Key);
    $status{$r->{status}}++;
}
is_deeply(\%status, { 200 => 120 }, 'requests pass');
ok($Server->logged(qr{"/dev/full": the buffer is full, \d+ records lost}),
   'the error log says so');

is($Server->stop, 0, 'nginx stops');
my ($said) = $Server->logged(qr{"/dev/full": \d+ records were lost by this});
my ($lost) = ($said // '') =~ /: (\d+) records /;
cmp_ok($lost, '>', 0, 'also how many in all');
is(scalar($Server->logged(qr{"/dev/full": this worker's last records are }
                          . 'not written, they wait in shared memory')), 1,
   'and that some are still waiting at the end');

# a file that cannot be opened is no trail at all: nginx does not start
my $Never = HXGate::Server->new(name => 'never', port => HX::port(3),
    http => HXGate::http_config(audit => "$HXGate::Dir/none/audit.jsonl"));
ok(!eval { $Never->start; 1 }, 'nginx does not start');
like($@, qr{"\Q$HXGate::Dir\E/none/audit\.jsonl" is not usable \(2: },
     'and says why');
done_testing();
