# Keys that are good no more: rotated, out of grace, of a deleted tenant.  To
# the client all of them look like a key that nobody ever had.
use lib 't/lib'; use HX; use HXGate; use HXBlock;
use Test::More;

HXGate::upstream();
HXGate::tenants(map { { tenant_id => $_, namespaces => ['prod'] } }
                qw(rotated graced deleted suspended));
my %Old = %HXGate::Key;

my $Server = HXGate::Server->new->start;

sub get { $Server->request('GET', '/v1/get/prod/k', key => $_[0]) }

# All of an answer but its date and the request's own id.
sub face {
    my ($r) = @_;
    my $id = $r->{headers}{'x-request-id'};
    my $text = "$r->{head}\n\n$r->{body}";
    $text =~ s/\Q$id\E/ID/g;
    $text =~ s/^Date: .*$/Date/mi;
    return $text;
}

is(get($Old{$_})->{status}, 200, "$_: the key is good before")
    for sort keys %Old;

my $Never = face(get(HXGate::unknown_key()));

my $r = $Server->admin('onboard/rotate-key', { tenant_id => 'rotated' });
is($r->{status}, 200, 'rotate');
HXBlock::refusal('rotated', get($Old{rotated}), 401, 'unauthorized',
                 'Invalid API key');
is(face(get($Old{rotated})), $Never, 'rotated: as a key nobody has');
is(get($r->{json}{api_key})->{status}, 200, 'rotated: the new key is good');

$r = $Server->admin('onboard/rotate-key',
                    { tenant_id => 'graced', grace_s => 3 });
is($r->{status}, 200, 'rotate with a grace period');
is(get($Old{graced})->{status}, 200, 'in grace: the old key is good');
is(get($r->{json}{api_key})->{status}, 200, 'in grace: so is the new one');
HXGate::wait_for('the end of grace', sub {
    get($Old{graced})->{status} != 200;
});
is(face(get($Old{graced})), $Never, 'out of grace: as a key nobody has');
is(get($r->{json}{api_key})->{status}, 200, 'out of grace: the new one stays');

$r = $Server->admin('onboard/delete', { tenant_id => 'deleted' });
is($r->{status}, 200, 'delete');
is(face(get($Old{deleted})), $Never, 'deleted: as a key nobody has');

$r = $Server->admin('onboard/suspend', { tenant_id => 'suspended' });
is($r->{status}, 200, 'suspend');
HXBlock::refusal('suspended', get($Old{suspended}), 403, 'forbidden',
                 "Tenant 'suspended' is suspended");
$r = $Server->admin('onboard/activate', { tenant_id => 'suspended' });
is($r->{status}, 200, 'activate');
is(get($Old{suspended})->{status}, 200, 'active again');

is($Server->stop, 0, 'nginx stops');
done_testing();
