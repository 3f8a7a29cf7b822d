package HXStripe;

# Events as Stripe sends them, signed by the book (Stripe's own library signs in
# t/e2e/test_stripe.py):
#
#     my $body = HXStripe::event('invoice.paid', { customer => 'cus_1' });
#     HXStripe::post($server, $body);                 # 200?
#     HXStripe::post($server, $body, secret => 'whsec_other', t => 0, ...);

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP ();

our $Secret = 'whsec_0123456789abcdefghijklmnopqrstuv';
our $Path = '/gate/stripe/webhook';

my $Number = 0;


# The JSON of an event; id, created: members of it.
sub event {
    my ($type, $object, %o) = @_;

    return JSON::PP->new->utf8->canonical->encode({
        id => $o{id} // 'evt_' . ++$Number . "_$$", object => 'event',
        api_version => '2024-06-20', created => ($o{created} // time) + 0,
        livemode => JSON::PP::true, pending_webhooks => 1, type => $type,
        request => { id => undef, idempotency_key => undef },
        data => { object => $object } });
}


sub checkout {
    my ($object, %o) = @_;

    return event('checkout.session.completed',
        { id => 'cs_' . ++$Number, object => 'checkout.session',
          mode => 'subscription', status => 'complete',
          payment_status => 'paid', metadata => {}, customer => 'cus_1',
          %$object }, %o);
}


# kind: created, updated, deleted
sub subscription {
    my ($kind, $object, %o) = @_;

    my $prices = delete $object->{prices} // [];
    return event("customer.subscription.$kind",
        { id => 'sub_1', object => 'subscription', customer => 'cus_1',
          status => $kind eq 'deleted' ? 'canceled' : 'active',
          created => 1700000000, metadata => {},
          items => { object => 'list', data => [map {
              { id => "si_$_", price => { id => $_, object => 'price' } }
          } @$prices] }, %$object }, %o);
}


# The value of Stripe-Signature.
sub sign {
    my ($body, %o) = @_;

    my $t = $o{t} // time;
    return "t=$t,v1=" . hmac_sha256_hex("$t.$body", $o{secret} // $Secret);
}


# Sends it, with other options of HXGate::request.
sub post {
    my ($server, $body, %o) = @_;

    my $sign = $o{signature} // sign($body, map { ($_, $o{$_}) }
                                     grep { defined $o{$_} } qw(t secret));
    my @headers = (@{ delete $o{headers} // [] }, 'Stripe-Signature', $sign);
    delete @o{qw(t secret signature)};
    return $server->request('POST', delete $o{path} // $Path, body => $body,
                            headers => \@headers, %o);
}

1;
