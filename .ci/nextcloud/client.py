"""Does with nc_py_api what the plugin does: prints what it hears, answers, reacts, and takes back."""

import asyncio
import os

from nc_py_api import AsyncNextcloud


async def main():
    nc = AsyncNextcloud(
        nextcloud_url=os.environ["SERVER"], nc_auth_user=os.environ["BOT"], nc_auth_pass=os.environ["PASSWORD"]
    )
    assert await nc.user == os.environ["BOT"]
    assert await nc.talk.available

    (room,) = await nc.talk.get_user_conversations()
    assert room.display_name == "Ann", room
    heard = [m for m in await nc.talk.receive_messages(room, limit=10) if m.actor_id == "ann" and not m.system_message]
    print("heard", [m.message for m in heard])

    sent = await nc.talk.send_message("I heard " + heard[-1].message, room, reply_to_message=heard[-1].message_id)
    assert sent.actor_id == os.environ["BOT"] and sent.message_id > heard[-1].message_id

    reactions = await nc.talk.react_to_message(heard[-1], "👍", room)
    assert [r.actor_id for r in reactions["👍"]] == [os.environ["BOT"]], reactions
    assert "👍" in await nc.talk.get_message_reactions(heard[-1], room)
    assert not await nc.talk.delete_reaction(heard[-1], "👍", room)

    wrong = await nc.talk.send_message("wrong", room)
    gone = await nc.talk.delete_message(wrong, room)
    print("taken back", gone.system_message)


asyncio.run(main())
