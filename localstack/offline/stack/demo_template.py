"""The template of the demonstration: an order on its way, as an e-mail and as a push."""

CODE_PREFIX = "order-shipped"

_SUBJECT = "{{ name }}, your order {{ order }} is on its way"

_HTML = """\
<!doctype html>
<html lang="en">
  <body style="margin:0;background:#f3f4f8;font-family:Helvetica,Arial,sans-serif;color:#1f2333">
    <table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="padding:32px 12px">
      <tr>
        <td align="center">
          <table role="presentation" width="560" cellpadding="0" cellspacing="0"
                 style="max-width:560px;background:#ffffff;border-radius:14px;overflow:hidden">
            <tr>
              <td style="background:#3c3f8f;padding:26px 36px;color:#ffffff;font-size:20px;letter-spacing:.5px">
                Carillon
              </td>
            </tr>
            <tr>
              <td style="padding:36px">
                <h1 style="margin:0 0 14px;font-size:26px">Your order is on its way</h1>
                <p style="margin:0 0 22px;font-size:16px;line-height:1.6">
                  Hello {{ name }}, we have handed <strong>{{ order }}</strong> to {{ carrier }}.
                  It reaches you in about {{ days }} day{{ "" if days == 1 else "s" }}.
                </p>
                <table role="presentation" width="100%" cellpadding="0" cellspacing="0"
                       style="background:#f3f4f8;border-radius:10px;font-size:15px">
                  <tr><td style="padding:16px 20px 4px;color:#6b7088">Order</td>
                      <td align="right" style="padding:16px 20px 4px">{{ order }}</td></tr>
                  <tr><td style="padding:4px 20px 16px;color:#6b7088">Carrier</td>
                      <td align="right" style="padding:4px 20px 16px">{{ carrier }}</td></tr>
                </table>
                <p style="margin:28px 0 0">
                  <a href="https://example.com/orders"
                     style="background:#3c3f8f;color:#ffffff;text-decoration:none;padding:13px 26px;border-radius:8px">
                    Follow your parcel</a>
                </p>
              </td>
            </tr>
            <tr>
              <td style="padding:18px 36px;border-top:1px solid #e6e8f0;color:#8b90a5;font-size:12px">
                You receive this because you ordered with us.
              </td>
            </tr>
          </table>
        </td>
      </tr>
    </table>
  </body>
</html>
"""


def contents() -> list[dict[str, object]]:
    """Return the contents for both channels."""
    email: dict[str, object] = {"channel": "email", "locale": "en", "subject": _SUBJECT, "html": _HTML}
    push: dict[str, object] = {
        "channel": "push",
        "locale": "en",
        "title": "Your order is on its way",
        "body": "{{ carrier }} brings {{ order }} in about {{ days }} day{{ '' if days == 1 else 's' }}.",
        "link": "https://example.com/orders",
        "data": {"order": "{{ order }}"},
    }
    return [email, push]
