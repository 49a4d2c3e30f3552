"""The engine: what happens to a video, in a process of its own that opens nothing: no file, no socket.

source    opens an untrusted file            layers    images to what lies ready on the picture
probe     what is in it                      timeline  which of them is seen when, how opaque
hdr       what an HDR video says of itself   blend     puts them on a frame of 8 bits
read      its frames and packets             blend10   and on one of 10 bits
planes    frames made ready to be drawn on   colour    a mark's colours in the samples of the video
encoders  what the picture is coded as       transfer  and in other primaries and HDR
profiles  how hard the encoder works         encode    the pipeline from the one file to the other
render    all frames, or what is touched     ahead     two steps of the pipeline at once
remux     what is copied: sound, subtitles   smart     the way of the touched frames
sound     and what MP4 cannot hold, as AAC   digest    what was written, in a few bytes
tags      titles, languages, chapters        verify    is the result the source plus a watermark?
dates     when it was filmed                 preload   what libraries would load late
result    the one file that is written
"""
