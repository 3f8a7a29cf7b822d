# An unauthenticated client is answered before its body is read.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $Server = HXGate::Server->new->start;

# Sends a head that announces a body, and no body.
sub announce {
    my (%o) = @_;
    my $s = HXGate::connect_to($Server->{port});
    my @h = ('Content-Type', 'application/json', @{ $o{headers} });
    HXGate::send_all($s, HXGate::request_text('POST', '/v1/put', %o,
                                              headers => \@h));
    my $rest = '';
    return (HXGate::response($s, \$rest), $s, \$rest);
}

for my $h (['Content-Length', 1000000], ['Transfer-Encoding', 'chunked'],
           ['Content-Length', 1000000, 'Expect', '100-continue'])
{
    my ($r) = announce(headers => $h);
    HXBlock::refusal("no key, @$h", $r, 401, 'unauthorized',
                     'Missing API key');

    ($r) = announce(headers => $h, key => HXGate::unknown_key());
    HXBlock::refusal("unknown key, @$h", $r, 401, 'unauthorized',
                     'Invalid API key');
}

my ($r, $s, $rest) = announce(key => $HXGate::Key{acme},
                              headers => ['Content-Length', 30,
                                          'Expect', '100-continue']);
is($r->{status}, 100, 'with a good key the body is asked for');
is(scalar(HXBlock::records()), 0, 'and nothing is forwarded before it came');
HXGate::send_all($s, '{"namespace":"prod","key":"k"}');
is(HXGate::response($s, $rest)->{status}, 200, 'answered');
is((HXBlock::records())[0]{body}, '{"namespace":"prod","key":"k"}',
   'forwarded whole');
is(HXGate::sent((HXBlock::records())[0], 'Expect'), undef,
   'without the expectation, which the gate has met');

close $s;
is($Server->stop, 0, 'nginx stops');
done_testing();
