"""Smart render: where the watermark shows in a part of the video only, the rest is copied packet by packet.

groups   the groups of pictures of a video, or why it is not plain enough
plan     which of them are encoded again, or why all are
pieces   what such a plan is made of
h264     the facts of the bitstream that this depends on
avcc     and where mp4 keeps them
segment  pictures encoded so that they follow the source's own without a decoder's noticing
splice   the pipeline from the one file to the other
seams    is what was written as it was put together, and does it decode where that can go wrong?
"""
