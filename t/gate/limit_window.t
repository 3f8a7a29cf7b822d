# The sliding window: so many requests and no more, what a refused one is told,
# that it costs nothing, and that who waits as long as he is told is admitted.

use strict;
use warnings;

use lib 't/lib';
use HX;
use HXGate;
use HXBlock;
use Time::HiRes qw(time);
use Test::More;

HXGate::upstream();

my $server = HXGate::Server->new(
    http => HXGate::http_config(limits => 1, more => <<'EOC'));
    hx_gate_plan brief requests=3 window=1s quota=unlimited;
EOC
$server->start;
HXGate::create($server->{port},
               { tenant_id => 'acme' },
               { tenant_id => 'other' },
               { tenant_id => 'quick', plan => 'brief' });

sub get {
    my ($tenant, $target) = @_;
    return $server->request('GET', $target // '/v1/list/default',
                            key => $HXGate::Key{$tenant});
}


# starter: 10 in 60 s

my $begin = time;
for my $n (1 .. 10) {
    my $r = get('acme');
    is $r->{status}, 200, "request $n is admitted";
    is $r->{headers}{'x-ratelimit-limit'}, 10, "request $n: limit";
    is $r->{headers}{'x-ratelimit-remaining'}, 10 - $n,
        "request $n: remaining";
    ok !defined $r->{headers}{'retry-after'}, "request $n: no Retry-After";
}

HXGate::upstream_forget();
my $r = get('acme');
my $wait = $r->{headers}{'retry-after'};
HXBlock::refusal('request 11', $r, 429, 'rate_limited',
                 "Rate limit exceeded for tenant 'acme'. "
                 . "Retry after ${wait}s.");
is scalar(HXBlock::records()), 0, 'request 11 is not forwarded';
is $r->{headers}{'x-hx-cus'}, '0.0', 'and costs nothing';
is $r->{headers}{'x-ratelimit-remaining'}, 0, 'nothing remains';
like $wait, qr/^\d+$/, 'Retry-After is in whole seconds';
cmp_ok $wait, '<=', 61, 'of one window and its quantum at most';
cmp_ok $wait, '>=', 60 - (time - $begin) - 1, 'and not too short';

my $reset = $r->{headers}{'x-ratelimit-reset'};
cmp_ok $reset, '>=', $begin + 60, 'reset: all has left by then';
cmp_ok $reset, '<=', time + 62, 'reset: one window from now';

is get('other')->{status}, 200, 'another tenant is not concerned';

# whatever the gate refuses for another reason does not count
is get('other', '/v1/list/foreign')->{status}, 403, 'a foreign namespace';
is get('other', '/v1/nothing')->{status}, 404, 'no operation';
is get('other')->{headers}{'x-ratelimit-remaining'}, 8,
    'refused ones did not count';


# a body is not read for a tenant that is beyond its limit

my $s = HXGate::connect_to($server->{port});
HXGate::send_all($s, "POST /v1/put HTTP/1.1\r\nHost: x\r\n"
    . "X-Api-Key: $HXGate::Key{acme}\r\nContent-Type: application/json\r\n"
    . "Content-Length: 100000\r\n\r\n");
is HXGate::response($s)->{status}, 429, 'refused before the body has come';
close $s;


# 3 in 1 s: who waits that long is admitted, again and again

for my $round (1 .. 3) {
    my $first = time;
    my ($admitted, $refused) = (0, undef);
    until ($refused) {
        $r = get('quick');
        $r->{status} == 200 ? $admitted++ : ($refused = $r);
        last if $admitted > 20;
    }
    is $refused->{status}, 429, "round $round: refused";
    my $told = $refused->{headers}{'retry-after'};
    cmp_ok $told, '>=', 1, "round $round: told to wait";
    cmp_ok $told, '<=', 2, "round $round: not for long";
    select undef, undef, undef, $told;
    is get('quick')->{status}, 200, "round $round: admitted after ${told}s";
    cmp_ok $admitted, '<=', 3 * (1 + int(time - $first)),
        "round $round: not more than its limit";
}


# the records say so, too

my @records = HXGate::audit(11);
is scalar(grep { $_->{status} == 429 && $_->{tenant_id} eq 'acme'
                 && $_->{cus} == 0 } @records), 2, 'two records of 429';

$server->stop;
done_testing;
