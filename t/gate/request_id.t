# X-Request-Id: the client's when it is one, else a new one; the same in the
# answer, upstream, in the error and in the audit record.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme', namespaces => ['prod'] });
my $Server = HXGate::Server->new(
    config => HXGate::config() . 'underscores_in_headers on;')->start;

my $Uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

# Both answers to a request with these headers: granted, and refused.
sub ids {
    my (@headers) = @_;
    HXGate::upstream_forget();
    my $good = $Server->request('GET', '/v1/get/prod/k',
                                key => $HXGate::Key{acme},
                                headers => [@headers]);
    my $bad = $Server->request('GET', '/v1/get/prod/k',
                               headers => [@headers]);
    my ($up) = HXBlock::records();
    is(HXGate::sent($up, 'X-Request-Id'), $good->{headers}{'x-request-id'},
       'the same upstream');
    is($bad->{json}{request_id}, $bad->{headers}{'x-request-id'},
       'the same in the error');
    return ($good->{headers}{'x-request-id'},
            $bad->{headers}{'x-request-id'});
}

my @seen;
for (1 .. 3) {
    my ($good, $bad) = ids();
    like($good, $Uuid, 'none: a UUID');
    like($bad, $Uuid, 'none: a UUID in a refusal');
    push @seen, $good, $bad;
}
my %distinct = map { $_ => 1 } @seen;
is(scalar keys %distinct, 6, 'all different');

for my $id ('x', 'req-1', '.', 'A.b_C-9', 'a' x 128,
            'd9428888-122b-11e1-b85c-61cd3cbb3210')
{
    is_deeply([ids('X-Request-Id', $id)], [$id, $id], "kept: $id");
    is_deeply([ids('x-REQUEST-id', $id)], [$id, $id], "kept: $id");
}

for my $id ('', 'a' x 129, 'a b', 'a,b', 'a/b', "a\x{e4}", 'a"b', '{}',
            "a\tb", '<script>', 'a%20b')
{
    my ($good, $bad) = ids('X-Request-Id', $id);
    like($good, $Uuid, "replaced: $id");
    like($bad, $Uuid, "replaced in a refusal: $id");
}

for my $h (['X-Request-Id', 'one', 'X-Request-Id', 'two'],
           ['X-Request-Id', 'one', 'x-request-id', 'one'],
           ['X_Request_Id', 'one'])
{
    my ($good, $bad) = ids(@$h);
    like($good, $Uuid, "replaced: @$h");
    like($bad, $Uuid, "replaced in a refusal: @$h");
}

# whatever the upstream says, the client reads the gate's
my $r = $Server->request('GET', '/v1/get/prod/k?_header=X-Request-Id:upstream',
                         key => $HXGate::Key{acme},
                         headers => ['X-Request-Id', 'mine']);
is($r->{headers}{'x-request-id'}, 'mine', 'the upstream\'s is hidden');

# before the access phase
$r = $Server->request('POST', '/v1/put', headers => [
    'X-Request-Id', 'early', 'Content-Length', 999_999_999]);
is($r->{status}, 413, 'refused by nginx');
is($r->{headers}{'x-request-id'}, 'early', 'the id is kept');
is($r->{json}{request_id}, 'early', 'and in the error');

my @audit = HXGate::audit(2);
my %recorded = map { $_->{request_id} => 1 } HXGate::audit(
    scalar @audit);
HXGate::wait_for('the last record', sub {
    grep { $_->{request_id} eq 'early' } HXGate::audit(0);
});
%recorded = map { $_->{request_id} => 1 } HXGate::audit(0);
ok($recorded{$_}, "recorded: $_") for @seen, 'req-1', 'mine', 'early';
ok(!$recorded{one}, 'what was replaced is not recorded');

is($Server->stop, 0, 'nginx stops');
done_testing();
