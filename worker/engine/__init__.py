"""The engine: what happens to a video, in a process of its own without environment, credentials or network.

source    opens an untrusted file            layers    images to what lies ready on the picture
probe     what is in it                      timeline  which of them is seen when, how opaque
read      its frames and packets             blend     puts them on a frame
encoders  how the picture is coded           encode    the pipeline from the one file to the other
profiles  how hard the encoder works         ahead     two steps of the pipeline at once
remux     what is copied: sound, subtitles, chapters, tags
verify    is the result the source plus a watermark?
"""
