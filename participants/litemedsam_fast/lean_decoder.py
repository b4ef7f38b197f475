"""LiteMedSAM's prompt encoder and mask decoder, rewritten to multiply less; the same numbers.

The published decoder projects all 4096 pixels of an embedding to keys, values and queries, for the
seven tokens of a box, in every attention. A product may be bracketed the other way: the tokens'
side is multiplied with the projection first, and meets the pixels as they are. What is left of the
projections' cost is 56 rows (seven tokens, eight heads) instead of 128 columns, three times a
block. Of four masks the published code keeps the first; only that one is computed.
"""

import math

import torch
from torch import nn


def _per_head(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """A projection's weight (heads * c, 256) as (heads, c, 256)."""
    return weight.reshape(heads, -1, weight.shape[1])


def _split(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, N, heads * c) as (B, heads, N, c)."""
    return tokens.unflatten(2, (heads, -1)).transpose(1, 2)


def _tokens_look_at_pixels(
    attention: nn.Module, tokens: torch.Tensor, places: torch.Tensor, pixels: torch.Tensor
) -> torch.Tensor:
    """softmax(q k') v with k = places W_k, v = pixels W_v, bracketed to leave pixels unprojected.

    The bias of the keys adds the same number to a whole row of the softmax: it is left out. That
    of the values comes through unchanged, since a softmax sums to 1. Tokens are (B, N, 256), pixels
    and their positional encoding (B, 4096, 256).
    """
    heads = attention.num_heads
    queries = _split(attention.q_proj(tokens), heads)
    lifted = queries @ _per_head(attention.k_proj.weight, heads)
    rows = lifted.flatten(1, 2)
    scores = rows @ places.transpose(1, 2) / math.sqrt(queries.shape[-1])
    seen = (torch.softmax(scores, dim=-1) @ pixels).unflatten(1, (heads, -1))
    values = seen @ _per_head(attention.v_proj.weight, heads).transpose(1, 2)
    joined = values.transpose(1, 2).flatten(2) + attention.v_proj.bias
    return attention.out_proj(joined)


def _pixels_look_at_tokens(
    attention: nn.Module, places: torch.Tensor, tokens: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """The other way round: each pixel's query meets the tokens' keys, both projected on their side.

    Places are (B, 4096, 256), tokens with and values without their encoding (B, N, 256).
    """
    heads = attention.num_heads
    keys = _split(attention.k_proj(tokens), heads)
    lifted = keys @ _per_head(attention.q_proj.weight, heads)
    offsets = keys @ attention.q_proj.bias.reshape(heads, -1, 1)
    scores = places @ lifted.flatten(1, 2).transpose(1, 2) + offsets.flatten(1)[:, None]
    scores = (scores / math.sqrt(keys.shape[-1])).unflatten(2, (heads, -1))
    shares = torch.softmax(scores, dim=-1).flatten(2)
    outwards = _per_head(attention.out_proj.weight.T, heads)
    lowered = _split(attention.v_proj(values), heads) @ outwards
    return shares @ lowered.flatten(1, 2) + attention.out_proj.bias


def _quartered(layer: nn.ConvTranspose2d, pixels: torch.Tensor) -> torch.Tensor:
    """A transposed convolution of size and stride 2: (…, C) to (…, 4, K), row by row."""
    weight = layer.weight.permute(0, 2, 3, 1).flatten(1)
    fine = (pixels @ weight).unflatten(-1, (4, -1))
    return fine + layer.bias


class LeanDecoder(nn.Module):
    """From embeddings and boxes to logits, in one graph; weights are those of `network`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._prompts = network.prompt_encoder
        self._decoder = network.mask_decoder
        places = self._prompts.get_dense_pe().detach().flatten(2).transpose(1, 2)
        self.register_buffer("_places", places.contiguous())

    def forward(self, embeddings: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Answer a box on each of several embeddings.

        Args:
            embeddings: float32, (B, 4096, 256), pixel by pixel.
            boxes: float32, (B, 4): x_min, y_min, x_max, y_max in the network's pixels.

        Returns:
            float32, (B, 1, 256, 256); above 0 is the object.
        """
        decoder = self._decoder
        fixed = torch.cat((decoder.iou_token.weight, decoder.mask_tokens.weight))
        fixed = fixed[None].expand(boxes.shape[0], -1, -1)
        encoding = torch.cat((fixed, self._prompts._embed_boxes(boxes)), dim=1)
        no_mask = self._prompts.no_mask_embed.weight
        pixels = embeddings + no_mask
        tokens, transformer = encoding, decoder.transformer
        for block in transformer.layers:
            if block.skip_first_layer_pe:
                tokens = block.norm1(block.self_attn(q=tokens, k=tokens, v=tokens))
            else:
                placed = tokens + encoding
                tokens = block.norm1(tokens + block.self_attn(q=placed, k=placed, v=tokens))
            places = pixels + self._places
            seen = _tokens_look_at_pixels(
                block.cross_attn_token_to_image, tokens + encoding, places, pixels
            )
            tokens = block.norm2(tokens + seen)
            tokens = block.norm3(tokens + block.mlp(tokens))
            told = _pixels_look_at_tokens(
                block.cross_attn_image_to_token, places, tokens + encoding, tokens
            )
            pixels = block.norm4(pixels + told)
        seen = _tokens_look_at_pixels(
            transformer.final_attn_token_to_image,
            tokens + encoding,
            pixels + self._places,
            pixels,
        )
        tokens = transformer.norm_final_attn(tokens + seen)
        mask_token = decoder.output_hypernetworks_mlps[0](tokens[:, 1])
        return self._drawn(pixels, mask_token)

    def _drawn(self, pixels: torch.Tensor, mask_token: torch.Tensor) -> torch.Tensor:
        """Upscale pixels, (B, 4096, 256), twice by two, and meet the mask token; (B, 1, 256, 256).

        A transposed convolution whose stride is its size makes four pixels of one by a product;
        so nothing is moved until there is one number a pixel.
        """
        first, norm, gelu, second, gelu_again = self._decoder.output_upscaling
        fine = _quartered(first, pixels)
        fine = nn.functional.layer_norm(fine, fine.shape[-1:], norm.weight, norm.bias, norm.eps)
        fine = gelu_again(_quartered(second, gelu(fine)))
        logits = fine.flatten(1, 3) @ mask_token[:, :, None]
        blocks = logits.reshape(-1, 64, 64, 2, 2, 2, 2)  # row, column, then halves, then quarters
        return blocks.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, 1, 256, 256)
