# The record has the method that was sent: an error_page makes a GET of it.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();

my $Server = HXGate::Server->new(
    config => HXGate::config(gate => 'error_page 400 403 413 502 /sorry;')
        . 'location = /sorry { client_max_body_size 0; default_type text/plain; return 200 "sorry"; }'
    )->start;
HXGate::create($Server->{port}, { tenant_id => 'acme', namespaces => ['prod'] });
my $Key = $HXGate::Key{acme};

my @cases = (
    [400, POST => '/v1/put', body => 'not JSON'],
    [403, DELETE => '/v1/delete/other/k'],
    [502, DELETE => '/v1/delete/prod/k?_drop'],
    [413, POST => '/v1/put', headers => ['Content-Length', 141_000_000]],
);
for my $case (@cases) {
    my ($status, $method, $target, @more) = @$case;
    my $r = $Server->request($method, $target, key => $Key, @more);
    is("$r->{status} $r->{body}", "$status sorry", "$method, $status");
}

my (undef, @records) = HXGate::audit(1 + @cases);
is_deeply([map { "$_->{method} $_->{path} $_->{status}" } @records],
          [map { my $p = $_->[2]; $p =~ s/\?.*//; "$_->[1] $p $_->[0]" } @cases],
          'as it was sent');

is($Server->stop, 0, 'nginx stops');
done_testing();
