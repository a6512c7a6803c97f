#!/usr/bin/env python3
"""Writes the test vectors of the ring protocol, version 1, to v1/.

Shares no code with either implementation: it follows protocol.md alone. Run it after a
change, and look at the difference; the vectors are what both languages have to obey.
"""

import json
import pathlib
import struct
import zlib

PAGE, BLOCK = 4096, 4096
OBJECTS = {
    "h2p-producer": (1, 0),
    "p2h-producer": (1, 1),
    "h2p-consumer": (2, 0),
    "p2h-consumer": (2, 1),
    "host-counters": (3, 0),
    "peer-counters": (3, 1),
}
HEADER_FIELDS = (
    "magic major minor byte_order page_bytes line_bytes kind direction features total_bytes "
    "session epoch descriptors block_bytes blocks first_offset slab_offset build_id reserved"
).split()
HEADER_FORMAT = "<8sHHIIIIIQQQIIIIQQ16s16s"
CODES = {"header": 2, "sequence": 3, "descriptor": 4, "head": 5, "release": 6}


def align(value):
    return (value + PAGE - 1) // PAGE * PAGE


def header(name, session, epoch, n, b):
    kind, direction = OBJECTS[name]
    slab = align(PAGE + 64 * n)
    total = {1: slab + BLOCK * b, 2: align(PAGE + 8 * ((b + 63) // 64)), 3: PAGE}[kind]
    counters = kind == 3
    return {
        "magic": b"STRAITRB", "major": 1, "minor": 0, "byte_order": 0x01020304,
        "page_bytes": PAGE, "line_bytes": 128, "kind": kind, "direction": direction,
        "features": 0, "total_bytes": total, "session": session, "epoch": epoch,
        "descriptors": 0 if counters else n, "block_bytes": 0 if counters else BLOCK,
        "blocks": 0 if counters else b, "first_offset": 1024 if counters else PAGE,
        "slab_offset": slab if kind == 1 else 0, "build_id": bytes(range(16)),
        "reserved": bytes(16),
    }


def pack_header(fields, crc_xor=0, init=0x5354524E):
    body = struct.pack(HEADER_FORMAT, *(fields[name] for name in HEADER_FIELDS))
    assert len(body) == 120
    return (body + struct.pack("<II", zlib.crc32(body) ^ crc_xor, init)).hex()


class File:
    """The vectors of one file."""

    def __init__(self, name, about, fields, flags):
        self.name, self.vectors, self.flags = name, [], flags
        self.head = {"protocol": "1.0", "about": about, "fields": fields, "flags": flags}

    def add(self, id, rules, comment, flags=(), code=None, field=None, **values):
        assert set(flags) <= set(self.flags), flags
        assert id not in [vector["id"] for vector in self.vectors], id
        vector = {"id": id, "rules": rules.split(), "comment": comment, "flags": list(flags)}
        vector.update(values)
        vector["result"] = "reject" if code else "accept"
        if code:
            vector["code"] = CODES[code]
        if field:
            vector["field"] = field
        self.vectors.append(vector)

    def write(self):
        path = pathlib.Path(__file__).parent / "v1" / (self.name + ".json")
        lines = [json.dumps(vector) for vector in self.vectors]
        head = json.dumps(self.head, indent=1)[:-2]
        text = head + ',\n "vectors": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
        json.loads(text)
        path.write_text(text)


def headers():
    out = File(
        "header",
        "What a side does with the 128 bytes at the start of an object of the other side.",
        {
            "object": "which object the reader expects, by its name in R-3",
            "agreed": "what the link was agreed to be; session is decimal text, because it has 64 bits",
            "header": "the 128 bytes, hexadecimal",
            "field": "of a rejected vector, the field that the error names",
        },
        {
            "unfinished": "the writer has not finished (or died first)",
            "foreign": "not an object of this protocol or version",
            "corrupted": "bytes changed after the CRC was made",
            "mismatch": "a sound object of another link, ring, epoch or geometry",
            "compatible": "differs from what this version writes, in a way that must be accepted",
        },
    )
    session, epoch, n, b = 0xFEDCBA9876543210, 3, 64, 1000
    agreed = {"session": str(session), "epoch": epoch, "descriptors": n, "blocks": b}

    def add(id, rules, comment, object="h2p-producer", crc_xor=0, init=0x5354524E, raw=None, flags=(),
            code=None, field=None, **changes):
        fields = {**header(object, session, epoch, n, b), **changes}
        data = raw or pack_header(fields, crc_xor, init)
        out.add(id, rules, comment, flags, code, field, object=object, agreed=agreed, header=data)

    for object in OBJECTS:
        add(f"valid_{object}", "R-4 R-6", "as a writer of this version makes it", object)
    add("minor_higher", "R-6", "a higher minor is accepted", minor=7, flags=["compatible"])
    add("build_other", "R-6", "the build id is for messages only", build_id=b"\xff" * 16, flags=["compatible"])

    def bad(id, comment, flag, field, **changes):
        add(id, "R-6", comment, flags=[flag], code="header", field=field, **changes)

    bad("zeros", "an object that was sized and nothing else", "unfinished", "init", raw="00" * 128)
    bad("init_missing", "everything but the last word", "unfinished", "init", init=0)
    bad("init_other", "another last word", "foreign", "init", init=0x4E525453)
    bad("magic_other", "another format", "foreign", "magic", magic=b"STRAITRC")
    bad("byte_order_swapped", "a big-endian writer", "foreign", "byte_order", byte_order=0x04030201)
    bad("major_2", "another major version", "foreign", "major", major=2)
    bad("major_0", "another major version", "foreign", "major", major=0)
    bad("feature_unknown", "a feature bit that this version does not know", "foreign", "features", features=1)
    bad("feature_unknown_high", "the highest bit", "foreign", "features", features=1 << 63)
    bad("crc_other", "another CRC", "corrupted", "crc", crc_xor=0x80000000)
    sound = bytes.fromhex(pack_header(header("h2p-producer", session, epoch, n, b)))
    for at in (16, 40, 63, 88, 119):
        torn = bytearray(sound)
        torn[at] ^= 0x10
        bad(f"flipped_bit_in_byte_{at}", "one bit flipped after the CRC was made", "corrupted", "crc", raw=torn.hex())
    bad("kind_consumer", "the other object of the ring", "mismatch", "kind", kind=2)
    bad("kind_4", "an unknown kind", "mismatch", "kind", kind=4)
    bad("direction_p2h", "the same object of the other ring", "mismatch", "direction", direction=1)
    bad("page_bytes_16384", "a writer with another page size", "mismatch", "page_bytes", page_bytes=16384)
    bad("line_bytes_64", "another distance of words", "mismatch", "line_bytes", line_bytes=64)
    bad("session_other", "an object of another link", "mismatch", "session", session=session ^ 1)
    bad("epoch_old", "an object from before the restart", "mismatch", "epoch", epoch=2)
    bad("descriptors_32", "another number of descriptors", "mismatch", "descriptors", descriptors=32)
    bad("descriptors_max", "the largest number", "mismatch", "descriptors", descriptors=0xFFFFFFFF)
    bad("block_bytes_0", "another block size", "mismatch", "block_bytes", block_bytes=0)
    bad("blocks_1001", "one block more", "mismatch", "blocks", blocks=1001)
    bad("first_offset_0", "descriptors over the header", "mismatch", "first_offset", first_offset=0)
    bad("slab_offset_past_end", "a slab behind the object", "mismatch", "slab_offset", slab_offset=1 << 40)
    bad("total_bytes_smaller", "a size that does not follow from the geometry", "mismatch", "total_bytes",
        total_bytes=8192)
    bad("counters_with_blocks", "a counters object has no geometry", "mismatch", "blocks", object="host-counters",
        blocks=1000)
    bad("consumer_with_slab", "only a producer object has a slab", "mismatch", "slab_offset", object="h2p-consumer",
        slab_offset=8192)
    out.write()


def sequences():
    out = File(
        "sequence",
        "What a consumer at position `head` does with the sequence it finds at index head mod n.",
        {
            "descriptors": "n",
            "head": "position of the next message, decimal text",
            "sequence": "what the descriptor says, decimal text",
            "message": "of an accepted vector, whether there is a message (else the ring is empty)",
        },
        {
            "first_lap": "no descriptor was written before at this index",
            "wrap_n": "the index wraps to 0",
            "wrap_2_32": "positions pass 2^32: none of the arithmetic may be 32 bits wide",
            "lapped": "a producer that wrote over an unread descriptor, or skipped one",
        },
    )

    def add(id, comment, n, head, sequence, message, flags):
        values = {"descriptors": n, "head": str(head), "sequence": str(sequence)}
        if message is None:
            out.add(id, "R-7", comment, flags, "sequence", **values)
        else:
            out.add(id, "R-7", comment, flags, message=message, **values)

    add("first_empty", "a new ring", 8, 0, 0, False, ["first_lap"])
    add("first_message", "the first message", 8, 0, 1, True, ["first_lap"])
    add("last_of_first_lap_empty", "still zeros", 8, 7, 0, False, ["first_lap"])
    add("last_of_first_lap_message", "message 8", 8, 7, 8, True, ["first_lap"])
    add("second_lap_empty", "head + 1 - n", 8, 8, 1, False, ["wrap_n"])
    add("second_lap_message", "head + 1", 8, 8, 9, True, ["wrap_n"])
    add("second_lap_zero", "0 stands for empty in the first lap only", 8, 8, 0, None, ["wrap_n"])
    add("first_lap_ahead", "a message of position 1 at index 0", 8, 0, 2, None, ["first_lap", "lapped"])
    add("lapped_once", "the next lap's message over an unread one", 8, 3, 12, None, ["lapped"])
    add("older_lap", "two laps behind", 8, 24, 9, None, ["lapped"])
    add("one_behind", "the message before", 8, 24, 24, None, ["lapped"])
    add("all_ones", "garbage", 8, 24, 2**64 - 1, None, ["lapped"])
    for n in (8, 65536):
        for head in (2**32 - 2, 2**32 - 1, 2**32, 2**32 + 7):
            where, flags = f"n{n}_head_{head}", ["wrap_2_32"]
            add(f"{where}_empty", "around 2^32", n, head, head + 1 - n, False, flags)
            add(f"{where}_message", "around 2^32", n, head, head + 1, True, flags)
            add(f"{where}_truncated", "the sequence cut to 32 bits (or 2^32 added)", n, head,
                (head + 1) % 2**32 if head + 1 >= 2**32 else head + 1 + 2**32, None, flags)
    out.write()


def heads():
    out = File(
        "head",
        "What a producer does with the heads that it reads, after it published messages from position `start`.",
        {
            "descriptors": "n",
            "start": "position at which the ring is empty, decimal text",
            "published": "what was published from there: `a` for an ack, `o` for anything else",
            "heads": "the values read, one after the other, decimal text; only the last may be rejected",
            "unread_acks": "of an accepted vector, acks that are unread after the last head",
            "unread_others": "of an accepted vector, other messages that are unread then",
        },
        {
            "regular": "a head within its limits",
            "backwards": "a head before the last one",
            "past_tail": "a head past what was published",
            "wrap_2_32": "positions pass 2^32: none of the arithmetic may be 32 bits wide",
        },
    )

    def add(id, comment, published, heads, flags, ok=True, start=0, n=8):
        values = {"descriptors": n, "start": str(start), "published": published,
                  "heads": [str(start + head) for head in heads]}
        if ok:
            unread = published[heads[-1]:]
            out.add(id, "R-9 R-11", comment, flags, unread_acks=unread.count("a"),
                    unread_others=unread.count("o"), **values)
        else:
            out.add(id, "R-9", comment, flags, "head", **values)

    for start in (0, 2**32 - 3):
        at, wrap = (f"_from_{start}", ["wrap_2_32"]) if start else ("", [])
        add(f"nothing_read{at}", "head stays", "oaoa", [0], ["regular", *wrap], start=start)
        add(f"one_by_one{at}", "each message read", "oaoa", [1, 2, 3, 4], ["regular", *wrap], start=start)
        add(f"all_at_once{at}", "all read", "ooooaaaa", [8], ["regular", *wrap], start=start)
        add(f"same_twice{at}", "nothing new", "oaoa", [2, 2], ["regular", *wrap], start=start)
        add(f"back_by_one{at}", "one less than before", "oaoa", [2, 1], ["backwards", *wrap], False, start)
        add(f"past_tail_by_one{at}", "one more than published", "oaoa", [2, 5], ["past_tail", *wrap], False, start)
        add(f"past_tail_by_lap{at}", "a whole lap more", "oaoa", [4, 12], ["past_tail", *wrap], False, start)
    add("truncated_to_32_bits", "2^32 + 1 read as 1", "oooo", [2, -(2**32 - 3) + 1], ["backwards", "wrap_2_32"], False,
        2**32 - 3)
    add("empty_ring_ahead", "nothing was published", "", [1], ["past_tail"], False)
    add("all_ones", "garbage", "o", [2**64 - 1], ["past_tail"], False)
    out.write()


def descriptors():
    out = File(
        "descriptor",
        "What a consumer does with the copy of a descriptor whose sequence says that there is a message.",
        {
            "blocks": "b",
            "edges": "the number of edges that was agreed",
            "descriptor": "the 64 bytes, hexadecimal",
            "field": "of a rejected vector, the field that the error names",
        },
        {
            "regular": "values in the middle",
            "limit": "the largest or smallest value that is allowed",
            "beyond": "the first value past a limit",
            "overflow": "values whose sum or product does not fit 32 bits",
            "unknown": "a value that this version does not know",
        },
    )
    batch, inline, ack, preamble, goaway = 1, 2, 3, 4, 5

    def add(id, comment, flag, kind, field=None, edge=0, length=0, call=0, block=0, blocks=0, data=b"", flags=0, b=100,
            edges=4):
        raw = struct.pack("<QBBHIQII32s", 1, kind, flags, edge, length, call, block, blocks, data)
        out.add(id, "R-8", comment, [flag], "descriptor" if field else None, field, blocks=b, edges=edges,
                descriptor=raw.hex())

    add("batch", "three blocks", "regular", batch, edge=1, length=9000, call=7, block=10, blocks=3)
    add("batch_of_one_byte", "the smallest slot", "limit", batch, length=1, call=7, blocks=1)
    add("batch_full", "every byte used", "limit", batch, length=8192, call=7, blocks=2)
    add("batch_least", "one byte in the last block", "limit", batch, length=4097, call=7, blocks=2)
    add("batch_at_end", "the last blocks", "limit", batch, length=8192, call=7, block=98, blocks=2)
    add("batch_whole_slab", "all blocks", "limit", batch, length=409600, call=7, blocks=100)
    add("batch_last_edge", "edges - 1", "limit", batch, edge=3, length=1, call=7, blocks=1)
    add("batch_call_0", "a call id of 0 is for the layer above to refuse", "limit", batch, length=1, blocks=1)
    add("batch_final", "a batch that wants no answer", "regular", batch, length=1, call=7, blocks=1, flags=1)
    add("inline_final", "an inline message that wants no answer", "regular", inline, length=5, call=7,
        data=b"abcde", flags=1)
    add("inline", "five bytes", "regular", inline, length=5, call=7, data=b"abcde")
    add("inline_empty", "no bytes", "limit", inline, call=7)
    add("inline_full", "32 bytes", "limit", inline, length=32, call=7, data=b"x" * 32)
    add("ack", "an answer", "regular", ack, call=2**63 + 5)
    add("preamble", "a preamble", "regular", preamble, length=100, block=50, blocks=1)
    add("goaway", "the end", "regular", goaway)

    add("kind_0", "no kind", "unknown", 0, "kind")
    add("kind_6", "an unknown kind", "unknown", 6, "kind", call=1)
    add("kind_255", "an unknown kind", "unknown", 255, "kind")
    add("flags_1", "final on what wants no answer", "beyond", ack, "flags", call=1, flags=1)
    add("final_preamble", "final on what wants no answer", "beyond", preamble, "flags", length=1, blocks=1,
        flags=1)
    add("final_goaway", "final on what wants no answer", "beyond", goaway, "flags", flags=1)
    add("flags_2", "an unknown flag", "unknown", batch, "flags", length=1, call=1, blocks=1, flags=2)
    add("flags_3", "final and an unknown flag", "unknown", inline, "flags", call=1, flags=3)
    add("edge_4", "one past the last edge", "beyond", batch, "edge", edge=4, length=1, call=7, blocks=1)
    add("edge_of_inline", "the edge of an inline message", "beyond", inline, "edge", edge=65535, call=7)
    for name, kind in (("batch", batch), ("preamble", preamble)):
        add(f"{name}_no_blocks", "a slot of no blocks", "beyond", kind, "blocks", length=1)
        add(f"{name}_length_0", "a slot of no bytes", "beyond", kind, "length", blocks=1)
        add(f"{name}_length_past_slot", "one byte too many", "beyond", kind, "length", length=4097, blocks=1)
        add(f"{name}_length_too_small", "a block that is not needed", "beyond", kind, "length", length=4096, blocks=2)
        add(f"{name}_past_end", "one block past the slab", "beyond", kind, "block", length=4097, block=99, blocks=2)
        add(f"{name}_first_past_end", "the block after the last", "beyond", kind, "block", length=1, block=100, blocks=1)
        add(f"{name}_sum_overflows", "block + blocks = 2^32", "overflow", kind, "block", length=1,
            block=0xFFFFFFFF, blocks=1)
        add(f"{name}_blocks_overflow", "block + blocks = 2^32 with more blocks than there are", "overflow", kind,
            "blocks", length=1, block=1, blocks=0xFFFFFFFF)
        add(f"{name}_product_overflows", "4096 * blocks = 2^32", "overflow", kind, "length", length=4096,
            blocks=2**20, b=2**20)
    add("inline_33", "one byte too many", "beyond", inline, "length", length=33, call=7)
    add("inline_all_ones", "garbage", "overflow", inline, "length", length=0xFFFFFFFF, call=7)
    add("ack_call_0", "an answer to nothing", "beyond", ack, "call_id")
    add("ack_length_1", "an answer has no content", "beyond", ack, "length", length=1, call=7)
    add("goaway_length_1", "goaway has no content", "beyond", goaway, "length", length=1)
    out.write()


def releases():
    out = File(
        "release",
        "What a producer does with the words of the release bitmap, after it took slots from an empty slab.",
        {
            "blocks": "b",
            "slots": "blocks of each slot, claimed in this order: they lie one after the other from block 0",
            "published": "indexes of the slots that were published; the others are still claimed",
            "bitmaps": "what the bitmap says, one reading after the other: words of 64 bits, hexadecimal, the word of "
                       "block 0 first; only the last reading may be rejected",
            "released": "of an accepted vector, indexes of the slots that have come back",
        },
        {
            "regular": "first blocks of published slots, each once",
            "order": "slots come back in another order than they were published",
            "toggle": "a bit goes back to 0: that is a release too, of the slot that lies there now",
            "wrong_bit": "a bit that is not the first block of a published, unreleased slot",
        },
    )

    def add(id, comment, flags, slots, published, readings, released=None, b=200):
        words = (b + 63) // 64
        bitmaps = [[f"{sum(1 << bit for bit in bits) >> (64 * word) & (2**64 - 1):016x}" for word in range(words)]
                   for bits in readings]
        values = {"blocks": b, "slots": slots, "published": published, "bitmaps": bitmaps}
        if released is None:
            out.add(id, "R-15 R-16", comment, flags, "release", **values)
        else:
            out.add(id, "R-15 R-16", comment, flags, released=released, **values)

    slots = [2, 4, 59, 1, 100]  # at 0, 2, 6, 65, 66; any sum of some tells which
    every = [0, 1, 2, 3, 4]
    add("nothing", "no bit has changed", ["regular"], slots, every, [[]], [])
    add("one", "the first slot", ["regular"], slots, every, [[0]], [0])
    add("all_at_once", "every slot", ["regular"], slots, every, [[0, 2, 6, 65, 66]], every)
    add("one_by_one_backwards", "the last first", ["regular", "order"], slots, every,
        [[66], [65, 66], [6, 65, 66], [2, 6, 65, 66], [0, 2, 6, 65, 66]], every)
    add("same_twice", "a reading with nothing new", ["regular"], slots, every, [[2], [2]], [1])
    add("inside_a_slot", "the second block of a slot", ["wrong_bit"], slots, every, [[1]])
    add("last_block_of_a_slot", "the block before another slot", ["wrong_bit"], slots, every, [[64]])
    add("free_block", "a block that was never taken, in a word with published slots", ["wrong_bit"], [2], [0], [[7]])
    add("past_the_slab", "a bit past the last block, in a word with published slots", ["wrong_bit"], [64, 64, 64, 4],
        [0, 1, 2, 3], [[200]])
    add("claimed_slot", "a slot that is not published, in a word with published slots", ["wrong_bit"], slots,
        [0, 2, 3, 4], [[2]])
    add("released_twice", "the bit goes back while the slot is free; another slot of its word is published",
        ["wrong_bit", "toggle"], slots, every, [[0], []])
    add("good_and_bad", "one right and one wrong bit", ["wrong_bit"], slots, every, [[0, 1]])
    add("all_ones", "garbage", ["wrong_bit"], slots, every, [list(range(200))])
    out.write()


def handshakes():
    out = File(
        "handshake",
        "What a side does with the other's message of a handshake over a socket.",
        {
            "kind": "`offer`, which a peer reads, or `answer`, which a host reads",
            "bytes": "the 48 or 32 bytes, hexadecimal",
            "values": "of an accepted vector, what the fields say; 64 bits are decimal text",
            "field": "of a rejected vector, the field that the error names",
        },
        {
            "regular": "as a writer of this version makes it",
            "foreign": "not a message of this protocol or version",
            "limit": "a field outside its values",
            "compatible": "differs from what this version writes, in a way that must be accepted",
        },
    )
    forms = {"offer": "<8sHHIQIIHHIQ", "answer": "<8sHHIQII"}
    sound = {
        "offer": {
            "magic": b"STRAITHS", "major": 1, "minor": 0, "epoch": 3, "session": 0xFEDCBA9876543210,
            "descriptors": 64, "blocks": 1000, "edges_h2p": 2, "edges_p2h": 3, "reserved": 0,
            "clock_ns": 2**63 + 5,
        },
        "answer": {
            "magic": b"STRAITHS", "major": 1, "minor": 0, "code": 0, "clock_ns": 2**63 + 5,
            "reason_bytes": 0, "reserved": 0,
        },
    }

    def add(id, message, comment, flags, field=None, **changes):
        fields = {**sound[message], **changes}
        data = struct.pack(forms[message], *fields.values()).hex()
        values = {"kind": message, "bytes": data}
        if field is None:
            told = {k: str(v) if k in ("session", "clock_ns") else v for k, v in fields.items()}
            values["values"] = {k: v for k, v in told.items() if k not in ("magic", "major", "minor", "reserved")}
        out.add(id, "R-27", comment, flags, "header" if field else None, field, **values)

    for message in sound:
        add(f"{message}", message, "as this version makes it", ["regular"])
        add(f"{message}_minor_higher", message, "a higher minor is accepted", ["compatible"], minor=7)
        add(f"{message}_magic_other", message, "another format", ["foreign"], "magic", magic=b"STRAITHT")
        add(f"{message}_major_2", message, "another major version", ["foreign"], "major", major=2)
        add(f"{message}_reserved", message, "a field of no meaning yet", ["foreign"], "reserved", reserved=1)
    add("offer_epoch_0", "offer", "epochs begin at 1", ["limit"], "epoch", epoch=0)
    add("offer_descriptors_65", "offer", "no power of two", ["limit"], "descriptors", descriptors=65)
    add("offer_blocks_15", "offer", "too few", ["limit"], "blocks", blocks=15)
    add("offer_edges_h2p_0", "offer", "a ring has an edge", ["limit"], "edges_h2p", edges_h2p=0)
    add("offer_edges_p2h_0", "offer", "a ring has an edge", ["limit"], "edges_p2h", edges_p2h=0)
    add("answer_refused", "answer", "a refusal with a reason", ["regular"], code=2, reason_bytes=1024)
    add("answer_code_unknown", "answer", "a refusal for a reason of a later version", ["compatible"],
        code=1000, reason_bytes=5)
    add("answer_reason_long", "answer", "a reason that is too long", ["limit"], "reason_bytes", code=2,
        reason_bytes=1025)
    add("answer_reason_of_nothing", "answer", "accepted, and a reason", ["limit"], "reason_bytes", reason_bytes=1)
    out.write()


def states():
    out = File(
        "state",
        "What each operation answers, step by step, on a link with 8 descriptors and 16 blocks each way.",
        {
            "steps": "one after the other: the side (host or peer), its operation, and what that answers",
        },
        {
            "open": "the link has not ended",
            "goaway": "a side has said that nothing follows",
            "in_flight": "how many messages may be unanswered, for sender and receiver",
            "own_end": "a side that ended the link itself, but not with 9",
            "lost": "a side that ended the link with 9, the loss of the other",
            "other_error": "a side that the other ended, with an error",
            "other_close": "a side that the other ended, in order",
        },
    )

    def add(id, rules, comment, flags, *steps):
        steps = [dict(zip(("side", "do", "is"), step.split(maxsplit=2))) for step in steps]
        out.add(id, rules, comment, flags, steps=steps)

    # The host holds a lease and a claim; an inline message, a batch and an ack are there to be read.
    some_of_all = [
        "peer claim claimed", "peer publish published", "host receive batch", "host claim claimed",
        "host inline published", "peer receive inline",
        "peer inline published", "peer claim claimed", "peer publish published", "peer ack published",
    ]
    columns = {
        "open": ([], None, ["inline", "batch", "ack", "none"]),
        "own_end": (["host end_1 done"], "closed 1 by itself", []),
        "own_end_content": (["host end_8 done"], "closed 8 by itself", []),
        "lost": (["host end_9 done"], "closed 9 by itself", ["ack"]),
        # A claim looks at the other side's close words.
        "other_error": (["peer end_8 done", "host claim closed 8 by the other side"], "closed 8 by the other side",
                        ["ack"]),
        "other_close": (["peer end_1 done", "host claim closed 1 by the other side"], "closed 1 by the other side",
                        ["inline", "batch", "ack"]),
    }
    answers = {
        "claim": "claimed", "preamble": "claimed", "inline": "published", "publish": "published", "ack": "published",
        "goaway": "published", "give_back": None, "release": None, "answered": None, "settled": None,
    }
    for name, (end, closed, received) in columns.items():
        flag = name.removesuffix("_content")
        for do, answer in answers.items():
            answer = "done" if answer is None else closed or answer
            add(f"{do}_{name}", "R-24", f"{do} in this state", [flag], *some_of_all, *end, f"host {do} {answer}")
        reads = received + ([closed] if closed else [])
        add(f"receive_{name}", "R-24", "what is still read", [flag], *some_of_all, *end,
            *(f"host receive {kind}" for kind in reads))
        if closed:
            add(f"end_{name}", "R-23 R-24", "the first end counts", [flag], *some_of_all, *end, "host end_6 done",
                f"host ack {closed}")

    add("published_after_goaway", "R-13", "a claim that was open is given back, not published", ["goaway"],
        "host claim claimed", "host preamble claimed", "host goaway published", "host publish goaway",
        "host publish goaway", "host claim goaway", "host preamble goaway", "host inline goaway",
        "host ack published", "peer receive goaway", "peer receive ack", "peer receive none")
    add("goaway_twice", "R-13", "asking twice is asking once", ["goaway"],
        "host goaway published", "host goaway published", "peer receive goaway", "peer receive none")
    add("goaway_other_way", "R-13", "the other side may still send", ["goaway"],
        "host goaway published", "peer inline published", "host receive inline", "host ack published",
        "peer receive goaway", "peer receive ack")
    add("goaway_has_its_place", "R-11 R-13", "n / 2 - 1 is room for all other messages", ["goaway"],
        *["host inline published"] * 3, "host inline full", "host claim full", "host goaway published",
        *["peer receive inline"] * 3, "peer receive goaway", "peer receive none")

    crossed = ["host inline published", "peer receive inline"]
    add("sender_waits_for_answers", "R-11", "n / 2 messages are in flight, whatever was read", ["in_flight"],
        *crossed * 4, "host inline full", "peer ack published", "host inline full", "host receive ack", *crossed)
    add("an_ack_counts_down_before_it_is_published", "R-11", "so that the next may follow its reading", ["in_flight"],
        *crossed * 4, *["peer ack published", "host receive ack", *crossed] * 5)
    add("answered_and_settled", "R-11", "an answer over the control channel", ["in_flight"],
        *crossed * 4, "peer answered done", "host settled done", *crossed)
    add("one_too_many", "R-11", "a sender that takes for answered what is not", ["in_flight"],
        *crossed * 4, "host settled done", "host inline published", "peer receive closed 11 by itself",
        "peer ack closed 11 by itself", "host claim closed 11 by the other side")
    add("final_is_not_counted", "R-11", "more than n / 2, none of which wants an answer", ["in_flight"],
        *["host final claimed", "host publish published", "peer receive batch", "peer release done"] * 9,
        *crossed * 4, "host inline full")
    add("preambles_are_not_counted", "R-11", "more than n / 2", ["in_flight"],
        *["host preamble claimed", "host publish published", "peer receive preamble"] * 9, *crossed * 4)
    out.write()


if __name__ == "__main__":
    headers()
    sequences()
    heads()
    descriptors()
    releases()
    handshakes()
    states()
