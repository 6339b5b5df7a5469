"""What a row remembers of its recipient."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.notification import Platform
from chalicelib.domain.recipient import (
    EmailTarget,
    PersonAddress,
    PushTarget,
    RegisteredDevice,
    TargetReference,
    pack_reference,
    unpack_reference,
)

references: st.SearchStrategy[TargetReference] = st.one_of(
    st.just(PersonAddress()),
    st.builds(RegisteredDevice, st.uuids()),
    st.builds(EmailTarget, st.text(), st.none() | st.text()),
    st.builds(PushTarget, st.text(), st.sampled_from(Platform)),
)


@given(references)
def test_a_reference_is_read_as_it_was_kept(reference: TargetReference) -> None:
    assert unpack_reference(pack_reference(reference)) == reference


@given(references)
def test_a_kept_reference_is_flat_text(reference: TargetReference) -> None:
    assert all(isinstance(value, str) for value in pack_reference(reference).values())


def test_nothing_personal_is_copied_for_a_registered_person() -> None:
    assert pack_reference(PersonAddress()) == {}
