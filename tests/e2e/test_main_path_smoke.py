from tests.e2e.api import Client, delivery_of, told


def test_smoke(client: Client) -> None:
    user = client.create_user()
    device = client.add_device(user["id"])
    code = client.publish_template()
    accepted = client.notify(template_code=code, user_id=user["id"])
    trace = client.wait_ended(accepted["notification_id"])
    print(told(trace))
    (mail,) = client.mails(user["email"])
    (push,) = client.pushes(device["token"])
    print(mail, push)
    assert delivery_of(trace, "email")["status"] == "sent"
