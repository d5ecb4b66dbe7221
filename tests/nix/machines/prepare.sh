# shellcheck shell=sh
# The store lies in a home folder; and secrets, as an operator writes them.
mkdir -p /run/recipeci-root/root # systemd makes it for root alone
chmod 755 /root /run/recipeci-root/root
umask 077
mkdir -p /var/lib/secrets
echo token-0123456789abcdef > /var/lib/secrets/token
echo webhook-0123456789abcdef > /var/lib/secrets/webhook-secret
