# Namespace and key in the path: what the gate reads is what the engine gets.
# Whatever could be read in two ways is refused.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants({ tenant_id => 'acme',
                  namespaces => ['prod', 'Prod', 'a' x 255, '_-9'] });

my $Key = $HXGate::Key{acme};
my $Any = HX::port(3);
my $Unmerged = HX::port(4);
my $Server = HXGate::Server->new(
    http => HXGate::http_config() . <<"EOC",
server {
    listen 127.0.0.1:$Any;
    hx_gate_operations hx-sdp;
    hx_gate on;
    location / { proxy_pass http://127.0.0.1:@{[HX::port(1)]}; }
}
server {
    listen 127.0.0.1:$Unmerged;
    merge_slashes off;
    hx_gate_operations hx-sdp;
    hx_gate on;
    location / { proxy_pass http://127.0.0.1:@{[HX::port(1)]}; }
}
EOC
)->start;

# The namespace that goes upstream with this target; the target goes as it is.
sub reads {
    my ($target, $ns) = @_;

    for my $port ($Server->{port}, $Any, $Unmerged) {
        HXGate::upstream_forget();
        my $r = $Server->request('GET', $target, key => $Key, port => $port);
        is($r->{status}, 200, "$target: status");
        my @sent = HXBlock::records();
        is(scalar @sent, 1, "$target: forwarded");
        is($sent[0]{target}, $target, "$target: as it came");
        is(HXGate::sent($sent[0], 'X-HX-Namespace'), $ns,
           "$target: namespace");
    }
}

sub refused {
    my ($status, $word, $detail, @targets) = @_;

    for my $target (@targets) {
        for my $port ($Any, $Unmerged) {
            HXGate::upstream_forget();
            my $r = $Server->request('GET', $target, key => $Key,
                                     port => $port);
            HXBlock::refusal($target, $r, $status, $word, $detail);
            is(scalar HXBlock::records(), 0, "$target: not forwarded");
        }
    }
}

# ---- good

reads('/v1/get/prod/k', 'prod');
reads('/v1/get/Prod/k', 'Prod');
reads('/v1/get/_-9/k', '_-9');
reads('/v1/get/' . 'a' x 255 . '/k', 'a' x 255);
reads('/v1/get/prod/a/b/c', 'prod');
reads('/v1/get/prod/A.b_c:d@e+f=g~h-i', 'prod');
reads('/v1/get/prod/...', 'prod');
reads('/v1/get/prod/.hidden', 'prod');
reads('/v1/get/prod/' . 'k' x 255, 'prod');
reads('/v1/get/prod/k?version=3', 'prod');
reads('/v1/get/prod/k?namespace=other', 'prod');
reads('/v1/get/prod/k?../../other/k', 'prod');
reads('/v1/get/prod/k?%00%25%zz', 'prod');
reads('/v1/list/prod?prefix=a%2Fb', 'prod');
reads('/v1/list/prod?', 'prod');

# every byte may be written as an escape, once
reads('/v1/get/pr%6Fd/k', 'prod');
reads('/v1/get/%70%72%6f%64/%6B', 'prod');
reads('/v1/%67et/prod/k', 'prod');
reads('/%76%31/get/prod/k', 'prod');
reads('/v1/get/prod/a%2Fb', 'prod');
reads('/v1/get/prod/a%2fb%2Fc', 'prod');
reads('/v1/get/prod/a%2eb', 'prod');

# ---- foreign

refused(403, 'forbidden', "Namespace 'other' not permitted for tenant 'acme'",
        '/v1/get/other/k', '/v1/list/other', '/v1/get/%6fther/k',
        '/v1/get/other/k?namespace=prod');
refused(403, 'forbidden', "Namespace 'PROD' not permitted for tenant 'acme'",
        '/v1/get/PROD/k');
refused(403, 'forbidden', "Namespace 'pro' not permitted for tenant 'acme'",
        '/v1/get/pro/k');
refused(403, 'forbidden', "Namespace 'prod1' not permitted for tenant 'acme'",
        '/v1/get/prod1/k');

# ---- malformed

refused(400, 'invalid_request', "Invalid namespace '$_->[0]'",
        "/v1/get/$_->[1]/k", "/v1/list/$_->[1]")
    for ['p.d', 'p.d'], ['prod;x=1', 'prod;x=1'], ['p d', 'p%20d'],
        ['p:d', 'p:d'], ['prod,x', 'prod,x'], ['prod?', 'prod%3F'], ['prod#', 'prod%23'],
        ['a' x 255, 'a' x 256], ['...', '...'], ['prod\\', 'prod%5c'],
        ['*', '*'], ['{ns}', '{ns}'],
        ['"><', '%22%3E%3C'];

refused(400, 'invalid_request', 'Invalid key', map { "/v1/get/prod/$_" }
        'a;b', 'a%20b', 'a%3Fb', 'a%23b', 'a*b', 'a,b', 'a%5Cb',
        'k' x 256, '%80', '%c3%a9', 'a&b');

refused(400, 'invalid_request', 'Invalid path',
        '/v1/get/prod%0a/k', '/v1/get/prod%0D%0Ax/k', '/v1/get/prod%09/k',
        '/v1/get/pr%7Fod/k', '/v1/get/prod/a%0d%0ab', '/v1/get/prod/%1f',
        '/v1/get%0a/prod/k', '/v1%0d%0a');

# ---- ambiguous

my $segment = 'Path has an empty or relative segment';
refused(400, 'invalid_request', $segment,
        '/v1//get/prod/k', '//v1/get/prod/k', '/v1/get//prod/k',
        '/v1/get/prod//k', '/v1/get/prod/k/', '/v1/get/prod/', '/v1/get/prod//',
        '/v1/get/prod/./k', '/v1/./get/prod/k', '/./v1/get/prod/k',
        '/v1/get/other/../prod/k', '/v1/get/prod/../other/k',
        '/v1/get/prod/k/..', '/v1/get/prod/k/.', '/v1/get/prod/..',
        '/v1/get/other/%2e%2e/prod/k', '/v1/get/prod/%2E%2e/other/k',
        '/v1/get/prod/.%2e/other/k', '/v1/get/prod/%2e/k',
        '/x/../v1/get/prod/k', '/v1/list/other/../prod',
        '/v1/get/prod/a%2F%2e%2e%2Fb', '/v1/get/prod/a%2F..%2Fb',
        '/v1/get/prod/%2Fk', '/v1/get/prod/k%2F', '/v1/get/prod/a%2F%2Fb');

refused(400, 'invalid_request', 'Path is percent-encoded twice',
        '/v1/get/pr%256fd/k', '/v1/get/prod/a%252Fb', '/v1/get/prod%2500/k',
        '/v1/get/%252e%252e/k', '/v1/get/prod/%25');

refused(400, 'invalid_request', 'Encoded slash outside the key',
        '/v1/get/prod%2Fk', '/v1/get%2Fprod/k', '/v1%2Fget/prod/k',
        '/v1/list%2Fprod', '/v1/get/prod%2Fother/k', '/v1%2fget%2fprod%2fk');

# ---- what is no path: nginx refuses some before the gate

for my $target ('/v1/get/prod%00/k', '/v1/get/prod/%00', '/v1/get/prod/k%',
                '/v1/get/prod/k%2', '/v1/get/prod/%zz', '/v1/get/prod/%-1',
                '/../v1/get/prod/k', '/%2e%2e/v1/get/prod/k', 'v1/get/prod/k',
                '*', "/v1/get/prod/\0", "/v1/get/prod/a\x{7f}b",
                "/v1/get/prod/\t", '/v1/get/prod/k HTTP/1.1 x')
{
    for my $port ($Any, $Unmerged) {
        HXGate::upstream_forget();
        my $r = $Server->request('GET', $target, key => $Key, port => $port);
        is($r->{status}, 400, "$target: status");
        is(scalar HXBlock::records(), 0, "$target: not forwarded");
    }
}

# a fragment has no place in a request: the engine might take it for key
refused(400, 'invalid_request', 'Invalid path',
        '/v1/get/prod/k#x', '/v1/list/prod#/../other', '/v1/get/prod/k#?a=b');

refused(404, 'not_found', 'No such operation',
        '/', '/v1', '/V1/get/prod/k', '/v1/GET/prod/k', '/v1/Get/prod/k',
        '/v2/get/prod/k', '/v1/list/prod/k', '/v1/get/prod', '/v1/get;x/prod/k',
        '/v1;x/get/prod/k', '/v1/get%20/prod/k',
        '/v1/get.json/prod/k', '/v1/list', '/v1/put/x',
        '/prefix/v1/get/prod/k');

refused(404, 'not_found', 'No such operation', '/' . 'a/' x 40 . 'a');
refused(400, 'invalid_request', 'Invalid path', '/v1/get/prod/' . 'k' x 4200);

# ---- absolute form: the host part is not part of the path

for (['http://localhost/v1/get/prod/k', 'prod'],
     ['http://other.example/v1/get/prod/k', 'prod'],
     ['http://localhost:80/v1/get/prod/k?x', 'prod'],
     ['HTTPS://a/v1/get/prod/k', 'prod'])
{
    my ($target, $ns) = @$_;
    HXGate::upstream_forget();
    my $r = $Server->request('GET', $target, key => $Key, port => $Any);
    is($r->{status}, 200, "$target: status");
    my ($sent) = HXBlock::records();
    (my $path = $target) =~ s{^\w+://[^/]*}{};
    is($sent->{target}, $path, "$target: path only");
    is(HXGate::sent($sent, 'X-HX-Namespace'), $ns, "$target: namespace");
}

refused(403, 'forbidden', "Namespace 'other' not permitted for tenant 'acme'",
        'http://localhost/v1/get/other/k', 'http://prod/v1/get/other/k');
refused(400, 'invalid_request', $segment,
        'http://localhost//v1/get/prod/k',
        'http://localhost/v1/get/other/../prod/k');
refused(404, 'not_found', 'No such operation', 'http://localhost',
        'http://localhost?/v1/get/prod/k');

is(scalar $Server->logged(qr/\[(?:alert|emerg|crit)\]/), 0,
   'nothing bad in the error log');
is($Server->stop, 0, 'nginx stops');
done_testing();
