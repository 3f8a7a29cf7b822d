# GET /gate/admin/tenants: every tenant once, page by page, in bytewise order,
# and never a key or its hash.
use lib 't/lib'; use HX; use HXGate;
use Test::More;

use strict;
use warnings;

use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(encode_base64);

my $server = HXGate::Server->new->start;

sub list {
    my ($args) = @_;
    return $server->admin('admin/tenants' . ($args // ''));
}

is list()->{body}, '{"tenants":[],"count":0,"next_cursor":null}',
    'nobody yet';

my @ids = sort map { ("T$_", "t-$_", "_$_") } 1 .. 50;
HXGate::create($server->{port}, map { { tenant_id => $_ } } @ids);

my $r = list();
is $r->{status}, 200, 'a page';
is $r->{json}{count}, 100, 'of 100 by default';
is_deeply [map { $_->{tenant_id} } @{ $r->{json}{tenants} }], [@ids[0 .. 99]],
    'the first 100, in order';
is $r->{json}{next_cursor}, $ids[99], 'where it ends';
is_deeply [sort keys %{ $r->{json}{tenants}[0] }],
    [sort qw(tenant_id plan status namespaces email monthly_quota rate_limit
             api_keys created_at updated_at)], 'what is said of a tenant';

$r = list("?cursor=$ids[99]");
is_deeply [map { $_->{tenant_id} } @{ $r->{json}{tenants} }],
    [@ids[100 .. 149]], 'the rest';
is $r->{json}{next_cursor}, undef, 'and that was all';

for my $limit (1, 7, 149, 150, 1000) {
    my (@seen, $pages, $cursor);
    do {
        $r = list("?limit=$limit" . (defined $cursor ? "&cursor=$cursor" : ''));
        is $r->{json}{count}, scalar @{ $r->{json}{tenants} }, 'count'
            if $limit > 100;
        push @seen, map { $_->{tenant_id} } @{ $r->{json}{tenants} };
        $pages++;
        $cursor = $r->{json}{next_cursor};
    } while defined $cursor;
    is_deeply \@seen, \@ids, "pages of $limit: everybody once";
    is $pages, int((149 + $limit) / $limit), "pages of $limit: none is empty";
}

# a cursor is a place, not a tenant
is list('?limit=1&cursor=T')->{json}{tenants}[0]{tenant_id}, 'T1',
    'a cursor that nobody has';
is list('?cursor=zzz')->{body}, '{"tenants":[],"count":0,"next_cursor":null}',
    'behind the last';
$server->admin('onboard/delete', { tenant_id => 'T1' });
is list('?limit=1&cursor=T1')->{json}{tenants}[0]{tenant_id}, 'T10',
    'the cursor of a tenant that is gone';

# arguments
my $limit = "Argument 'limit' must be an integer from 1 to 1000";
for my $bad ('0', '1001', '-1', '1.5', 'all', '', '99999999999999999999',
             '%31')
{
    $r = list("?limit=$bad");
    is "$r->{status} $r->{json}{detail}", "400 $limit", "limit \"$bad\"";
}
for my $bad ('', 'a%20b', 'a/b', 'x' x 65, "a%00") {
    $r = list("?cursor=$bad");
    is "$r->{status} $r->{json}{detail}", "400 Invalid argument 'cursor'",
        "cursor \"$bad\"";
}
is list('?other=1')->{status}, 200, 'other arguments are not looked at';

# large tenants: the page ends early, nobody is left out
HXGate::create($server->{port}, map { { tenant_id => "z$_",
    namespaces => [map { "n$_" . 'n' x 230 } 1000 .. 1255] } } 1 .. 20);
{
    my (@seen, $pages, $cursor);
    do {
        $r = list('?limit=1000' . (defined $cursor ? "&cursor=$cursor" : ''));
        push @seen, map { $_->{tenant_id} } @{ $r->{json}{tenants} };
        $pages++;
        $cursor = $r->{json}{next_cursor};
    } while defined $cursor && $pages < 1000;
    is_deeply [grep { /^z/ } @seen], [sort map { "z$_" } 1 .. 20],
        'large ones: everybody once';
    note "$pages pages";
}

# nothing that opens a door
my $all = join '', map { list($_)->{body} } '?limit=1000',
    "?limit=1000&cursor=$ids[-1]";
$all .= $server->admin("admin/tenants/$_")->{body} for @ids[0, 99, 149];
my @secret = map { ($_, substr($_, 8, 20), sha256_hex($_), sha256($_),
                    encode_base64(sha256($_), '')) } values %HXGate::Key;
is scalar(grep { index(lc $all, lc) >= 0 } @secret), 0, 'no key, no hash';
ok index($all, $HXGate::ServiceKey) < 0, 'no service key';

is $server->stop, 0, 'nginx ends well';
is join("\n", $server->logged(qr/\[(?:error|crit|alert|emerg)\]/)), '',
    'nothing an operator has to look at';
done_testing;
